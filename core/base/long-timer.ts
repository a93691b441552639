/** Timers of any length. `setTimeout` alone fires at once for more than 2³¹ − 1 ms. */

/** A timer that has been started. */
export interface LongTimer {
  /** Without effect after it has fired. */
  stop(): void
}

/** The longest delay of `setTimeout`, in ms. */
const longestMs = 2 ** 31 - 1

/** Calls `fire` once, after `ms` milliseconds of at least 0; with Infinity never. */
export function startTimer(ms: number, fire: () => void): LongTimer {
  let timer: NodeJS.Timeout
  const wait = (left: number): void => {
    const part = Math.min(left, longestMs)
    timer = setTimeout(() => (left > part ? wait(left - part) : fire()), part)
  }
  wait(ms)
  return { stop: () => clearTimeout(timer) }
}
