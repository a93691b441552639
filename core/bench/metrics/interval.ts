/** Confidence intervals of a proportion. */
import { RobenchError } from '../../base/errors.ts'

/** A closed interval of fractions, 0 ≤ low ≤ high ≤ 1. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** Two-sided confidence levels, each with its quantile z of the standard normal distribution. */
export const quantiles = {
  '0.9': 1.6448536269514722,
  '0.95': 1.959963984540054,
  '0.99': 2.5758293035489004,
} as const

/** A confidence level. */
export type Confidence = 0.9 | 0.95 | 0.99

/**
 * The Wilson score interval of `successes` out of `trials`: all p for which the observed proportion
 * p̂ lies within z standard errors *of p*. Its ends are the roots of
 *
 *     (p̂ − p)² = z² p (1 − p) / n
 *
 * namely (p̂ + z²/2n ± z √(p̂(1 − p̂)/n + z²/4n²)) / (1 + z²/n). Unlike p̂ ± z·SE it stays within
 * [0, 1] and has a positive width at p̂ = 0 and 1, where robust accuracies often are. Without
 * trials: [0, 1].
 * @throws RobenchError ROBENCH_INTERNAL unless both are integers with 0 ≤ successes ≤ trials.
 * @see Wilson 1927, Probable inference, the law of succession, and statistical inference, JASA
 * 22:209–212.
 */
export function wilsonInterval(
  successes: number,
  trials: number,
  confidence: Confidence = 0.95,
): Interval {
  if (
    !Number.isInteger(successes) ||
    !Number.isInteger(trials) ||
    successes < 0 ||
    successes > trials
  ) {
    throw new RobenchError(
      'ROBENCH_INTERNAL',
      `wilsonInterval: expected integers with 0 <= successes <= trials, got ${successes} of ` +
        trials,
    )
  }
  return scoreInterval(successes, trials, confidence)
}

/**
 * An interval for the mean of values in [0, 1], given their sum: the Wilson interval of a
 * proportion with that mean. The variance of such values is at most that of a proportion, p(1 − p)
 * (Bhatia and Davis 2000), so the interval is conservative.
 * @throws RobenchError ROBENCH_INTERNAL unless 0 ≤ sum ≤ count and `count` is an integer
 */
export function meanInterval(sum: number, count: number, confidence: Confidence = 0.95): Interval {
  if (!(Number.isInteger(count) && sum >= 0 && sum <= count)) {
    throw new RobenchError(
      'ROBENCH_INTERNAL',
      `meanInterval: expected an integer count and 0 <= sum <= count, got ${sum} of ${count}`,
    )
  }
  return scoreInterval(sum, count, confidence)
}

/** The roots in the docstring of `wilsonInterval`. */
function scoreInterval(successes: number, trials: number, confidence: Confidence): Interval {
  if (trials === 0) return { low: 0, high: 1 }
  const z = quantiles[`${confidence}`]
  const proportion = successes / trials
  const pull = (z * z) / trials
  const center = (proportion + pull / 2) / (1 + pull)
  const spread =
    (z * Math.sqrt((proportion * (1 - proportion)) / trials + pull / (4 * trials))) / (1 + pull)
  // At p̂ = 0 and 1 one root is exact; rounding must not move it.
  return {
    low: successes === 0 ? 0 : Math.max(0, center - spread),
    high: successes === trials ? 1 : Math.min(1, center + spread),
  }
}

/** Whether two closed intervals share a point. */
export function overlaps(a: Interval, b: Interval): boolean {
  return a.low <= b.high && b.low <= a.high
}
