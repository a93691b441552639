/** Runs a plugin's function until it ends, the run is aborted, or its time is up. */
import { RunError } from '../base/errors.ts'

/** How long code that was told to stop may take to do so before the host goes on without it, in ms. */
const graceMs = 2_000

export interface StopConditions {
  /** Who runs, for messages: `attack pgd (version 1)`. */
  readonly name: string
  readonly signal: AbortSignal
  /** No limit if left out. */
  readonly timeLimitMs?: number
}

/**
 * Calls `run` with a signal that is aborted when the outer one is, or when the time is up. What is told to stop gets a
 * moment to do so, as it may be inside a pass; then this goes on without it. Code that never gives way, such as
 * an endless loop without passes, cannot be interrupted from inside its own process.
 * @throws RunError ROBENCH_ABORTED or ROBENCH_TIMEOUT; else whatever `run` throws
 */
export async function withTimeout<T>(
  { name, signal, timeLimitMs }: StopConditions,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController()
  const timers: NodeJS.Timeout[] = []
  let stop: (error: RunError) => void = () => {}
  const stopped = new Promise<never>((_, reject) => {
    stop = (error) => {
      inner.abort(error)
      timers.push(setTimeout(() => reject(error), graceMs))
    }
  })
  const onAbort = (): void => {
    const message = `${name} was interrupted`
    stop(new RunError('ROBENCH_ABORTED', message, { cause: signal.reason }))
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  if (timeLimitMs !== undefined) {
    const message =
      `${name} took longer than its time limit of ${timeLimitMs} ms; ` +
      'raise the limit, or ask for fewer steps or examples'
    timers.push(setTimeout(() => stop(new RunError('ROBENCH_TIMEOUT', message)), timeLimitMs))
  }
  try {
    inner.signal.throwIfAborted()
    const answer = await Promise.race([run(inner.signal), stopped])
    inner.signal.throwIfAborted()
    return answer
  } catch (error) {
    // Whatever is thrown after the stop is the stop's consequence; its reason is the error to tell.
    throw inner.signal.aborted ? inner.signal.reason : error
  } finally {
    signal.removeEventListener('abort', onAbort)
    for (const timer of timers) clearTimeout(timer)
  }
}
