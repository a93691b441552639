/** Robust accuracy as a function of epsilon. */
import { ConfigError } from '../../base/errors.ts'

/** Robust accuracy at several epsilons, and the breaking point of each example. */
export interface RobustnessCurve {
  /** Ascending. */
  readonly epsilons: readonly number[]
  /** Fraction of all examples that are correct and not broken at each epsilon. */
  readonly robustAccuracies: readonly number[]
  /** Per example: 0 if misclassified without attack, null if not broken. */
  readonly breakingEpsilons: readonly (number | null)[]
}

/**
 * Computes a curve from breaking points. An example is robust at every epsilon below its breaking
 * point.
 * @param epsilons in any order; duplicates are removed
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
 * The median breaking point of the initially correct examples: at this epsilon half of them are
 * broken. Undefined if fewer than half are broken, or none was correct.
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
