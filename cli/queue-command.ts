/** `robench queue`: shows a queue, tries dead letters again, and empties it. */
import { Command } from 'commander'
import { countOf } from '../core/base/figures.ts'
import { openBroker, parseAddress } from '../core/bench/queue/connection.ts'
import type { Broker } from '../core/bench/queue/connection.ts'
import { drainQueues, inspectBroker, retryDead } from '../core/bench/queue/inspect.ts'
import type { BrokerState } from '../core/bench/queue/inspect.ts'
import { queueSecrets } from '../core/bench/queue/secrets.ts'
import { plainTable } from '../reports/theme/plain-table.ts'
import { queueArgument, terminalWidth } from './arguments.ts'
import { jsonText, printable } from '../reports/theme/printable.ts'

interface QueueOptions {
  readonly queue: string
  readonly json?: boolean
}

/** The command `queue` with `status`, `retry`, and `drain`. */
export function queueCommand(): Command {
  const command = new Command('queue').description('show, retry, or empty the jobs of a queue')
  subcommand(command, 'status', 'show queues, workers, and dead letters').action(
    async (options: QueueOptions) => {
      const state = await withBroker(options, (broker) =>
        inspectBroker(broker, queueSecrets().token),
      )
      print(options.json ? jsonText(state) : printable(describe(state)))
    },
  )
  subcommand(command, 'retry', 'try dead letters again, all or those named')
    .argument('[id...]', 'first digits of the ids of dead letters')
    .action(async (ids: string[], options: QueueOptions) => {
      const retried = await withBroker(options, (broker) => retryDead(broker, ids))
      print(
        options.json
          ? JSON.stringify({ retried })
          : `${countOf(retried, 'job')} back in the queue; the next run collects the outcomes`,
      )
    })
  subcommand(command, 'drain', 'remove all jobs that no worker runs').action(
    async (options: QueueOptions) => {
      const removed = await withBroker(options, drainQueues)
      print(options.json ? JSON.stringify({ removed }) : `${countOf(removed, 'job')} removed`)
    },
  )
  return command
}

function subcommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .requiredOption('--queue <url>', queueArgument)
    .option('--json', 'print the result as JSON')
}

async function withBroker<T>(
  { queue }: QueueOptions,
  work: (broker: Broker) => Promise<T>,
): Promise<T> {
  const broker = await openBroker(parseAddress(queue))
  try {
    return await work(broker)
  } finally {
    broker.close()
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function describe({ queues, present, dead }: BrokerState): string {
  const width = terminalWidth()
  const parts: string[] = []
  const numbers = queues.map(({ device, waiting, delayed, active, completed, dead: failed }) => [
    device,
    ...[waiting, delayed, active, completed, failed].map(String),
  ])
  const right = ['left', ...Array.from({ length: 5 }, () => 'right' as const)] as const
  const head = ['queue', 'waiting', 'delayed', 'active', 'completed', 'dead']
  if (queues.length > 0) parts.push(plainTable(head, numbers, { alignments: right, width }))
  const workers = present.filter((one) => one.kind === 'worker')
  const coordinators = present.filter((one) => one.kind === 'coordinator')
  parts.push(
    `${countOf(coordinators.length, 'run')} and ${countOf(workers.length, 'worker')} connected`,
  )
  for (const { name, device, slots, completed, refused } of workers) {
    parts.push(
      `  ${name}  ${device}, ${countOf(slots, 'process', 'processes')}, ${completed} completed`,
      ...Object.entries(refused).map(([reason, times]) => `    ${times} left to others: ${reason}`),
    )
  }
  if (dead.length > 0) parts.push('', 'dead letters:')
  for (const { id, device, what, attempts, reason } of dead) {
    parts.push(`  ${id}  ${device}, ${what}, ${countOf(attempts, 'attempt')}`, `    ${reason}`)
  }
  return parts.join('\n')
}
