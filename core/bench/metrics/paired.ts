/** Two proportions over the same examples: the difference, its interval, and McNemar's test. */
import { RobenchError } from '../../base/errors.ts'
import { quantiles } from './interval.ts'
import type { Confidence } from './interval.ts'

/** The number of examples per pair of outcomes of two measurements, A and B. */
export interface PairedCounts {
  readonly both: number
  readonly onlyA: number
  readonly onlyB: number
  readonly neither: number
}

/** A closed interval of differences, −1 ≤ low ≤ high ≤ 1. */
export interface DifferenceInterval {
  readonly low: number
  readonly high: number
}

/**
 * Counts pairs of outcomes.
 * @param isA whether example i succeeds in A, one value per example
 * @throws RobenchError ROBENCH_INTERNAL if A and B have different numbers of examples
 */
export function countPairs(isA: readonly boolean[], isB: readonly boolean[]): PairedCounts {
  if (isA.length !== isB.length) {
    throw new RobenchError(
      'ROBENCH_INTERNAL',
      `countPairs: expected the same examples, got ${isA.length} and ${isB.length}`,
    )
  }
  const counts = { both: 0, onlyA: 0, onlyB: 0, neither: 0 }
  isA.forEach((a, i) => {
    const b = isB[i]
    if (a) counts[b ? 'both' : 'onlyA']++
    else counts[b ? 'onlyB' : 'neither']++
  })
  return counts
}

/** The proportion of A minus that of B, (onlyA − onlyB) / n. */
export function pairedDifference(counts: PairedCounts): number {
  return (counts.onlyA - counts.onlyB) / totalOf(counts, 'pairedDifference')
}

/**
 * The two-sided p-value of McNemar's exact test: if A and B have the same proportion, onlyA is
 * binomial with probability ½ among the m = onlyA + onlyB examples on which they differ, so
 *
 *     p = min(1, 2 Σ_{k ≤ min(onlyA, onlyB)} C(m, k) / 2^m)
 *
 * It is 1 if they differ on none.
 * @see McNemar 1947, Note on the sampling error of the difference between correlated proportions or
 * percentages, Psychometrika 12:153–157.
 */
export function mcnemarExact({ onlyA, onlyB }: PairedCounts): number {
  const differing = onlyA + onlyB
  const smaller = Math.min(onlyA, onlyB)
  // Terms relative to the largest, C(m, smaller) / 2^m, whose logarithm does not underflow.
  let logLargest = -differing * Math.LN2
  for (let k = 1; k <= smaller; k++) logLargest += Math.log((differing - k + 1) / k)
  let sum = 1
  let term = 1
  for (let k = smaller; k > 0; k--) {
    term *= k / (differing - k + 1)
    sum += term
  }
  return Math.min(1, 2 * sum * Math.exp(logLargest))
}

/**
 * Tango's score interval of the difference of paired proportions: all Δ for which the observed
 * difference lies within z standard errors, where the standard error is that of the most likely
 * proportions with difference Δ:
 *
 *     |onlyA − onlyB − nΔ| ≤ z √(n(2q + Δ(1 − Δ)))
 *
 * q is the most likely probability that an example succeeds in B only: the larger root of
 * 2n q² + ((2n − onlyA + onlyB)Δ − onlyA − onlyB) q − onlyB Δ(1 − Δ) = 0. Unlike the interval of
 * Wald it stays within [−1, 1] and has a positive width if A and B differ on no example.
 * @see Tango 1998, Equivalence test and confidence interval for the difference in proportions for
 * the paired-sample design, Statistics in Medicine 17:891–908.
 * @throws RobenchError ROBENCH_INTERNAL without examples
 */
export function tangoInterval(
  counts: PairedCounts,
  confidence: Confidence = 0.95,
): DifferenceInterval {
  totalOf(counts, 'tangoInterval')
  const z = quantiles[`${confidence}`]
  const center = pairedDifference(counts)
  return {
    low: outermost(center, -1, (difference) => score(counts, difference) <= z),
    high: outermost(center, 1, (difference) => score(counts, difference) >= -z),
  }
}

/** The score statistic of a difference Δ, which falls with Δ; 0 at the observed difference. */
function score(counts: PairedCounts, difference: number): number {
  const { onlyA, onlyB } = counts
  const n = totalOf(counts, 'score')
  const distance = onlyA - onlyB - n * difference
  if (distance === 0) return 0
  const spread = difference * (1 - difference)
  const linear = (2 * n - onlyA + onlyB) * difference - onlyA - onlyB
  const root = Math.sqrt(linear ** 2 + 8 * n * onlyB * spread)
  const onlyInB = (root - linear) / (4 * n)
  const variance = n * (2 * onlyInB + spread)
  return variance > 0 ? distance / Math.sqrt(variance) : Math.sign(distance) * Infinity
}

/** Bisects for the value nearest to `end` that is inside; `start` is inside. */
function outermost(start: number, end: number, isInside: (value: number) => boolean): number {
  if (isInside(end)) return end
  let inside = start
  let outside = end
  for (;;) {
    const middle = (inside + outside) / 2
    if (middle === inside || middle === outside) return inside
    if (isInside(middle)) inside = middle
    else outside = middle
  }
}

function totalOf({ both, onlyA, onlyB, neither }: PairedCounts, name: string): number {
  const total = both + onlyA + onlyB + neither
  if (total > 0) return total
  throw new RobenchError('ROBENCH_INTERNAL', `${name}: expected at least one example, got none`)
}
