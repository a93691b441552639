/** Says when a run takes longer than the bound that its plan stated. */
import { duration } from '../reports/theme/figures.ts'
import type { ProgressDisplay } from './progress-text.ts'

/** What starting workers and loading models may take, which the bound does not count. */
const startMs = 10_000

/**
 * A display that also notes, once, that the stated bound has passed, and then calls no time left a
 * bound. The bound follows from passes that are timed before the run; other programs on the machine
 * make all passes slower.
 * @param now a clock in ms
 */
export function watchBound(
  display: ProgressDisplay,
  now: () => number = () => performance.now(),
): ProgressDisplay {
  let bound: number | undefined
  let startedMs: number | undefined
  let hasPassed = false
  return {
    ...display,
    planned(plan, expected) {
      bound = expected?.mostMs ?? plan.etaMs
      display.planned(plan, expected)
    },
    progress(share, status) {
      // Trainings before it are not part of the bound.
      startedMs ??= now()
      if (bound !== undefined && !hasPassed && share < 1 && now() - startedMs > bound + startMs) {
        display.notice(
          `the run takes longer than the stated ${duration(bound)}: ` +
            'its workers are slower, or fewer, than was assumed',
        )
        hasPassed = true
      }
      display.progress(share, hasPassed ? { ...status, isBound: false } : status)
    },
  }
}
