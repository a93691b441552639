/** Runs a plugin's function with a time limit and an abort signal. */
import { RunError } from '../base/errors.ts'
import { startTimer } from '../base/long-timer.ts'
import type { LongTimer } from '../base/long-timer.ts'

/** Time that aborted code has to stop before the host continues without it, in ms. */
const graceMs = 2_000

/** When to stop a plugin's function. */
export interface StopConditions {
  /** The plugin's name in messages: `attack pgd (version 1)`. */
  readonly name: string
  readonly signal: AbortSignal
  /** Default: no limit. */
  readonly timeLimitMs?: number
}

/**
 * Calls `run` with a signal that is aborted with the outer one, or when the time is up. The code
 * then has 2 seconds to stop, since it may be inside a pass; after that, this function rejects
 * without waiting for it. Code that never yields, such as an endless loop without passes, cannot be
 * interrupted from inside its own process.
 * @throws RunError ROBENCH_ABORTED or ROBENCH_TIMEOUT; otherwise whatever `run` throws
 */
export async function withTimeout<T>(
  { name, signal, timeLimitMs }: StopConditions,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController()
  const timers: LongTimer[] = []
  let stop: (error: RunError) => void = () => {}
  const stopped = new Promise<never>((_, reject) => {
    stop = (error) => {
      inner.abort(error)
      timers.push(startTimer(graceMs, () => reject(error)))
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
      `${name} exceeded its time limit of ${timeLimitMs} ms; ` +
      'raise the limit, or run fewer steps or examples'
    timers.push(startTimer(timeLimitMs, () => stop(new RunError('ROBENCH_TIMEOUT', message))))
  }
  try {
    inner.signal.throwIfAborted()
    const result = await Promise.race([run(inner.signal), stopped])
    inner.signal.throwIfAborted()
    return result
  } catch (error) {
    // Errors after the abort are its consequence: report the reason of the abort.
    throw inner.signal.aborted ? inner.signal.reason : error
  } finally {
    signal.removeEventListener('abort', onAbort)
    for (const timer of timers) timer.stop()
  }
}
