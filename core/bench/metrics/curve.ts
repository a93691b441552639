/** Robust accuracy as a function of the size of the ball. */
import { ConfigError } from '../../base/errors.ts'

/** Robust accuracy at several sizes of the ball, and per example where it broke. */
export interface RobustnessCurve {
  /** Ascending. */
  readonly epsilons: readonly number[]
  /** Of all examples, the share that is correct and not broken in a ball of that size. */
  readonly robustAccuracies: readonly number[]
  /** Per example: 0 where it was wrong without attack, null where it was not broken. */
  readonly breakingEpsilons: readonly (number | null)[]
}

/**
 * The curve that breaking points give. An example counts as robust in every ball that is smaller than its breaking point.
 * @param epsilons in any order, repeated or not
 * @throws ConfigError ROBENCH_DATA if there are no examples
 */
export function robustnessCurve(
  breakingEpsilons: readonly (number | null)[],
  epsilons: readonly number[],
): RobustnessCurve {
  if (breakingEpsilons.length === 0) {
    throw new ConfigError('ROBENCH_DATA', 'breakingEpsilons: expected one per example, got none')
  }
  const sizes = [...new Set(epsilons)].toSorted((a, b) => a - b)
  return {
    epsilons: sizes,
    robustAccuracies: sizes.map((size) => {
      const robust = breakingEpsilons.filter((least) => least === null || least > size)
      return robust.length / breakingEpsilons.length
    }),
    breakingEpsilons,
  }
}

/**
 * The size of the ball in which half of the examples that were correct are broken: the median of their breaking points; undefined
 * if fewer than half were broken or none was correct.
 */
export function medianBreakingEpsilon(
  breakingEpsilons: readonly (number | null)[],
): number | undefined {
  const correct = breakingEpsilons
    .filter((least) => least !== 0)
    .map((least) => least ?? Infinity)
    .toSorted((a, b) => a - b)
  const median = correct[Math.floor((correct.length - 1) / 2)]
  return median === undefined || median === Infinity ? undefined : median
}
