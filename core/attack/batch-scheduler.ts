/** Keeps batches full: an example that is finished gives its place to the next one at once. */
import { ConfigError } from '../base/errors.ts'
import type { AttackTask } from './task.ts'

/** Work on `count` examples, at most `batchSize` at a time, each with a state of its own. */
export interface ScheduledWork<State> {
  readonly count: number
  readonly batchSize: number
  readonly signal: AbortSignal
  /** Told before the first and after each round how many examples are finished. */
  progress(done: number): void
  /** Makes the state of an example when a place is free for it; undefined if there is nothing to do for it. */
  open(row: number): State | undefined
  /** One round: moves each of the active examples on, and says of each whether it is finished. */
  advance(active: readonly State[]): Promise<readonly boolean[]>
}

/** `refill` over the examples of a task, in its batches, under its signal. @throws as `refill` */
export function scheduleTask<State>(
  task: AttackTask,
  work: Pick<ScheduledWork<State>, 'open' | 'advance'>,
): Promise<void> {
  const { labels, batchSize, signal } = task
  const progress = (done: number): void => task.progress(done)
  return scheduleBatches({ ...work, count: labels.length, batchSize, signal, progress })
}

/**
 * Runs all examples to their end. They enter in the order of their rows. As long as `advance` treats an example
 * by its state alone, the outcome depends on neither the batch size nor the other examples.
 * @throws whatever the signal was aborted with; ConfigError ROBENCH_CONFIG if the batch size is not a positive whole number.
 */
export async function scheduleBatches<State>(work: ScheduledWork<State>): Promise<void> {
  const { count, batchSize, signal } = work
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `batchSize: expected a positive whole number, got ${batchSize}`,
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
