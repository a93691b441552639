/** The fused output of several classifiers. */
import { g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'

/**
 * ln p̄ of the mean probability p̄ = (1/M) Σ softmax(zᵢ), as logits: exact where probabilities
 * underflow.
 * @param logits M values `[n, k]` @returns `[n, k]`
 */
export function fuseLogits(logits: readonly Value[]): Value {
  if (logits.length === 1) return logits[0]!
  const stacked = g.concat(
    logits.map((branch) => g.unsqueeze(g.logSoftmax(branch), [1])),
    1,
  )
  const largest = g.reduceMax(stacked, [1], true)
  const total = g.reduceSum(g.exp(g.sub(stacked, largest)), [1])
  return g.sub(g.add(g.log(total), g.squeeze(largest, [1])), Math.log(logits.length))
}
