/** Keeps batches full: a finished example is replaced by the next one immediately. */
import { ConfigError } from '../base/errors.ts'
import type { AttackTask } from './task.ts'

/** Work on `count` examples, at most `batchSize` at a time. Each example has its own state. */
export interface ScheduledWork<State> {
  readonly count: number
  readonly batchSize: number
  readonly signal: AbortSignal
  /** Called before the first round and after each, with the number of finished examples. */
  progress(done: number): void
  /** Creates the state of an example when a slot is free; undefined if it needs no work. */
  open(row: number): State | undefined
  /** Runs one round on the active examples. Returns for each whether it is finished. */
  advance(active: readonly State[]): Promise<readonly boolean[]>
}

/** The part of an attack task that scheduling needs. */
export type BatchedTask = Pick<AttackTask, 'labels' | 'batchSize' | 'signal' | 'progress'>

/**
 * Runs `scheduleBatches` over the examples of a task, with its batch size and signal.
 * @throws as `scheduleBatches`
 */
export function scheduleTask<State>(
  task: BatchedTask,
  work: Pick<ScheduledWork<State>, 'open' | 'advance'>,
): Promise<void> {
  const { labels, batchSize, signal } = task
  const progress = (done: number): void => task.progress(done)
  return scheduleBatches({ ...work, count: labels.length, batchSize, signal, progress })
}

/**
 * Runs all examples until they are finished. They start in the order of their rows. As long as
 * `advance` treats each example by its own state only, the outcome depends on neither the batch
 * size nor the other examples.
 * @throws the reason of an aborted signal; ConfigError ROBENCH_CONFIG if the batch size is not a
 * positive integer
 */
export async function scheduleBatches<State>(work: ScheduledWork<State>): Promise<void> {
  const { count, batchSize, signal } = work
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `batchSize: expected a positive integer, got ${batchSize}`,
    )
  }
  let active: State[] = []
  let next = 0
  for (;;) {
    for (; active.length < batchSize && next < count; next++) {
      const state = work.open(next)
      if (state !== undefined) active.push(state)
    }
    work.progress(next - active.length)
    if (active.length === 0) return
    signal.throwIfAborted()
    const finished = await work.advance(active)
    active = active.filter((_, place) => !finished[place])
  }
}
