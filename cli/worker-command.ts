/** `robench worker`: runs the jobs of a queue on this machine. */
import { Command } from 'commander'
import { countOf } from '../core/base/figures.ts'
import { runSettings } from '../core/bench/execute/settings.ts'
import { ArtifactFolder } from '../core/bench/queue/artifacts.ts'
import { openBroker, parseAddress } from '../core/bench/queue/connection.ts'
import { runQueueWorker } from '../core/bench/queue/queue-worker.ts'
import { queueSecrets, requireSecrets } from '../core/bench/queue/secrets.ts'
import { addMachineOptions, queueArgument, wholeNumber } from './arguments.ts'
import { exitCodes } from './failure.ts'
import { printable } from '../reports/theme/printable.ts'

interface WorkerOptions {
  readonly queue: string
  readonly workers?: number
  readonly threads: number
  readonly device: string
  readonly share?: string
  readonly heartbeat: number
  readonly exitWhenIdle?: number
}

/**
 * The command `worker`. The first SIGTERM or Ctrl-C finishes the running jobs, the second gives
 * them back to the queue.
 */
export function workerCommand(): Command {
  const command = new Command('worker')
    .description('run the jobs of a queue on this machine')
    .requiredOption('--queue <url>', queueArgument)
  return addMachineOptions(command)
    .option('--share <dir>', 'directory with models and data that all machines share')
    .option('--heartbeat <seconds>', 'how often a running job is confirmed', seconds, 15)
    .option('--exit-when-idle <seconds>', 'end after this long without a job', wholeNumber(1))
    .action(async (options: WorkerOptions) => {
      process.exitCode = await work(options)
    })
}

async function work(options: WorkerOptions): Promise<number> {
  const { share, heartbeat, exitWhenIdle } = options
  const { device, workers, threads, environments } = await runSettings(
    {
      device: options.device,
      threads: options.threads,
      ...(options.workers !== undefined && { workers: options.workers }),
    },
    'worker',
  )
  const address = parseAddress(options.queue)
  const secrets = queueSecrets()
  requireSecrets(address, secrets)
  const broker = await openBroker(address)
  const drain = new AbortController()
  const stop = new AbortController()
  const say = (text: string): void => {
    process.stderr.write(`${printable(text)}\n`)
  }
  const end = (): void => {
    if (stop.signal.aborted) process.exit(exitCodes.interrupted)
    if (drain.signal.aborted) {
      say('giving the running jobs back to the queue')
      stop.abort()
    } else {
      say('finishing the running jobs; press Ctrl-C again to give them back to the queue')
      drain.abort()
    }
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  say(`working for ${broker.address.shown}: ${countOf(workers, 'process', 'processes')}, ${device}`)
  try {
    const { completed, refused } = await runQueueWorker({
      broker,
      secrets,
      device,
      workers,
      threads,
      environments,
      shared: share === undefined ? undefined : new ArtifactFolder(share),
      heartbeatMs: heartbeat * 1000,
      ...(exitWhenIdle !== undefined && { idleMs: exitWhenIdle * 1000 }),
      notice: (text) => say(`note: ${text}`),
      drain: drain.signal,
      stop: stop.signal,
    })
    say(`${countOf(completed, 'job')} completed, ${refused} left to others`)
    return stop.signal.aborted ? exitCodes.interrupted : exitCodes.success
  } finally {
    process.off('SIGTERM', end)
    process.off('SIGINT', end)
    broker.close()
  }
}

/** Seconds of at least 0.2. */
function seconds(text: string): number {
  const value = Number(text)
  return Number.isFinite(value) && value >= 0.2 ? value : wholeNumber(1)(text)
}
