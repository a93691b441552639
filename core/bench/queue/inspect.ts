/** What is in the queues of a broker: for `robench queue`. */
import type { Job as BullJob, Queue } from 'bullmq'
import { keyPrefix } from './connection.ts'
import type { Broker } from './connection.ts'
import { readJob, readOutcome } from './message.ts'
import type { QueuedJob } from './message.ts'
import { listPresent } from './presence.ts'
import type { Presence } from './presence.ts'
import { listDevices, queueName } from './queue-name.ts'

/** A job that failed for good. */
export interface DeadLetter {
  /** The first digits of its id, as `robench queue retry` accepts them. */
  readonly id: string
  readonly device: string
  /** What it was: `attack "pgd", examples 0 to 499`. */
  readonly what: string
  readonly attempts: number
  readonly reason: string
}

/** The queue of one kind of device. */
export interface QueueState {
  readonly device: string
  readonly waiting: number
  /** Waiting for a retry, or for a worker that can run them. */
  readonly delayed: number
  readonly active: number
  /** Completed, and not collected by a run yet. */
  readonly completed: number
  readonly dead: number
}

/** All queues of a broker. */
export interface BrokerState {
  readonly queues: readonly QueueState[]
  readonly present: readonly Presence[]
  readonly dead: readonly DeadLetter[]
}

/** The most dead letters that are listed. */
const mostListed = 1000

/** Reads the state of all queues. */
export async function inspectBroker(
  broker: Broker,
  token: string | undefined,
): Promise<BrokerState> {
  const queues: QueueState[] = []
  const dead: DeadLetter[] = []
  await eachQueue(broker, async (queue, device) => {
    const counts = await queue.getJobCounts()
    const of = (...states: readonly string[]): number =>
      states.reduce((sum, state) => sum + (counts[state] ?? 0), 0)
    queues.push({
      device,
      waiting: of('waiting', 'prioritized', 'paused'),
      delayed: of('delayed'),
      active: of('active'),
      completed: of('completed'),
      dead: of('failed'),
    })
    const failed = (await queue.getFailed(0, mostListed - 1)) as BullJob[]
    dead.push(...failed.map((job) => deadLetter(job, device)))
  })
  return { queues, present: await listPresent(broker, token), dead }
}

/**
 * Puts dead letters back into their queues. Their outcomes wait there for the next run.
 * @param ids first digits of the ids; all if empty
 * @returns the number of jobs
 */
export async function retryDead(broker: Broker, ids: readonly string[]): Promise<number> {
  let retried = 0
  await eachQueue(broker, async (queue) => {
    for (const job of (await queue.getFailed()) as BullJob[]) {
      const isChosen = ids.length === 0 || ids.some((id) => job.id?.startsWith(id))
      if (!isChosen) continue
      await job.retry('failed', { resetAttemptsMade: true })
      retried++
    }
  })
  return retried
}

/**
 * Removes all jobs that no worker runs, and outcomes that no run has collected. A run that waits for
 * one of them puts it back.
 * @returns the number of jobs
 */
export async function drainQueues(broker: Broker): Promise<number> {
  let removed = 0
  await eachQueue(broker, async (queue) => {
    const states = ['waiting', 'prioritized', 'delayed', 'completed', 'failed'] as const
    const before = await queue.getJobCountByTypes(...states)
    await queue.drain(true)
    for (const state of ['completed', 'failed'] as const) {
      while ((await queue.clean(0, 10_000, state)).length > 0);
    }
    removed += before - (await queue.getJobCountByTypes(...states))
  })
  return removed
}

async function eachQueue(
  broker: Broker,
  visit: (queue: Queue, device: string) => Promise<void>,
): Promise<void> {
  for (const device of await listDevices(broker)) {
    const settings = { connection: broker.address.options, prefix: keyPrefix }
    const queue = new broker.bull.Queue(queueName(device), settings)
    queue.on('error', () => {})
    try {
      await visit(queue, device)
    } finally {
      await queue.close()
    }
  }
}

function deadLetter(job: BullJob, device: string): DeadLetter {
  const { id = '', failedReason, attemptsMade } = job
  return {
    id: id.slice(0, 12),
    device,
    what: describe(job),
    attempts: attemptsMade,
    reason: reasonOf(failedReason),
  }
}

/** What a job is, without a check of its signature: for display only. */
function describe({ data, name }: BullJob): string {
  let queued: QueuedJob
  try {
    queued = readJob(data, undefined)
  } catch {
    return name
  }
  if (queued.job.kind !== 'unit') return queued.label
  const { start, end } = queued.job.unit.shard
  return `${queued.label}, examples ${start} to ${end - 1}`
}

/** The message of the error in a failed outcome, or else what BullMQ says. */
function reasonOf(text: string): string {
  try {
    const { outcome } = readOutcome(JSON.parse(text), '', undefined)
    return outcome.state === 'failed' ? `${outcome.error.message} [${outcome.error.code}]` : text
  } catch {
    return text
  }
}
