/** Robust accuracy as a function of epsilon. */
import { ConfigError } from '../../base/errors.ts'
import type { Outcomes } from './accuracy.ts'

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

/** An attack's outcomes, and its curve if it has one. */
export interface AttackOutcomes {
  readonly outcomes: Outcomes
  readonly curve?: RobustnessCurve
}

/**
 * The curve of an attacker who runs every attack and uses the best result for each example: the
 * breaking point of an example is the smallest of all attacks. An attack without a curve
 * contributes its outcomes at the threat model's epsilon.
 * @returns undefined if no attack has a curve
 */
export function worstCaseCurve(
  attacks: readonly AttackOutcomes[],
  epsilon: number,
): RobustnessCurve | undefined {
  if (!attacks.some(({ curve }) => curve)) return undefined
  const each = attacks.map(
    ({ outcomes, curve }) => curve?.breakingEpsilons ?? breakingAt(outcomes, epsilon),
  )
  const least = each[0]!.map((_, example) => {
    const found = Math.min(...each.map((breaking) => breaking[example] ?? Infinity))
    return found === Infinity ? null : found
  })
  return robustnessCurve(least, [epsilon, ...attacks.flatMap(({ curve }) => curve?.epsilons ?? [])])
}

function breakingAt(outcomes: Outcomes, epsilon: number): readonly (number | null)[] {
  return outcomes.split('').map((mark) => (mark === 'w' ? 0 : mark === 'b' ? epsilon : null))
}

/** The range of a breaking point: above `low`, at most `high`; both are equal if it is exact. */
export interface BreakingRange {
  readonly low: number
  readonly high: number
}

/**
 * The median breaking point of the initially correct examples: at this epsilon half of them are
 * broken. Where it is one of the curve's epsilons, the attack was not tried between that epsilon
 * and the one below it (or 0), and the range covers both. Minimum-norm attacks give exact values.
 * Undefined if fewer than half are broken, or none was correct.
 */
export function medianBreakingEpsilon({
  breakingEpsilons,
  epsilons,
}: Pick<RobustnessCurve, 'breakingEpsilons' | 'epsilons'>): BreakingRange | undefined {
  const correct = breakingEpsilons
    .filter((least) => least !== 0)
    .map((least) => least ?? Infinity)
    .toSorted((a, b) => a - b)
  const high = correct[Math.floor((correct.length - 1) / 2)]
  if (high === undefined || high === Infinity) return undefined
  if (!epsilons.includes(high)) return { low: high, high }
  return { low: Math.max(0, ...epsilons.filter((epsilon) => epsilon < high)), high }
}
