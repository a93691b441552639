/** Several tests at once. */

/**
 * The p-values of Holm's step-down procedure: the k-th smallest of m times m − k + 1, never smaller
 * than the one before it and at most 1. Rejecting those up to α keeps the probability of any false
 * rejection at α, whatever the tests' dependence.
 * @param values in any order
 * @returns in the same order
 * @see Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
 * Statistics 6:65–70.
 */
export function holmAdjusted(values: readonly number[]): number[] {
  const order = [...values.keys()].toSorted((a, b) => values[a]! - values[b]!)
  const adjusted = values.map(() => 1)
  let least = 0
  order.forEach((index, rank) => {
    least = Math.max(least, Math.min(1, values[index]! * (values.length - rank)))
    adjusted[index] = least
  })
  return adjusted
}
