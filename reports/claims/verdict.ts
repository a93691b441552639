/** The verdict on a claim, from the paired comparison of its two sides. */
import type { DifferenceInterval } from '../../core/bench/metrics/paired.ts'

/** What a comparison says about a claim. */
export type ClaimVerdict = 'reproduced at this scale' | 'not reproduced' | 'too close to tell'

/** The level of the test, and one minus the confidence of the interval. */
export const significance = 0.05

/** The figures that a verdict depends on; positive differences favor the claim. */
export interface VerdictFigures {
  /** Of the difference of the first training. */
  readonly interval: DifferenceInterval
  /** McNemar's exact test on the first training. */
  readonly pValue: number
  /** Of each training, the first one first. */
  readonly differences: readonly number[]
}

/**
 * A comparison is decided if the p-value is below 0.05, the 95 % interval excludes zero, and the
 * differences of all trainings have the same sign. The sign then decides between `reproduced at
 * this scale` and `not reproduced`; otherwise it is `too close to tell`.
 */
export function verdictOf({ interval, pValue, differences }: VerdictFigures): ClaimVerdict {
  if (pValue >= significance) return 'too close to tell'
  if (interval.low > 0 && differences.every((difference) => difference > 0)) {
    return 'reproduced at this scale'
  }
  if (interval.high < 0 && differences.every((difference) => difference < 0)) {
    return 'not reproduced'
  }
  return 'too close to tell'
}
