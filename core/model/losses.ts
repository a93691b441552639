/** Losses per example, as expressions of logits `[n, k]` and labels `[n]` (int64). All are maximized by an attack. */
import { g } from '../graph/graph.ts'
import { shapeError } from '../graph/operator.ts'
import { formatShape } from '../graph/dim.ts'
import type { Value } from '../graph/value.ts'
import type { Loss } from './model.ts'

/** −z_y + ln Σ eᶻ. */
export const crossEntropy: Loss = (logits, labels) => {
  const own = isLabel(logits, labels)
  return g.neg(g.reduceSum(g.where(own, g.logSoftmax(logits), 0), [1]))
}

/** max_{i≠y} z_i − z_y: positive where another class has the largest logit, negative where only the label's is the largest, 0 at a tie (Carlini and Wagner 2017). */
export const margin: Loss = (logits, labels) => {
  const own = isLabel(logits, labels)
  const ownLogit = g.reduceSum(g.where(own, logits, 0), [1])
  return g.sub(g.reduceMax(g.where(own, -1e30, logits), [1]), ownLogit)
}

/** `[n, k]`, true where the class is the example's label. */
export function isLabel(logits: Value, labels: Value): Value {
  const classes = logits.shape[1]
  if (typeof classes !== 'number' || logits.shape.length !== 2) {
    throw shapeError(
      { op: 'loss' },
      `expected logits [n, classes], got ${formatShape(logits.shape)}`,
    )
  }
  return g.equal(g.unsqueeze(labels, [1]), g.integers(Array.from({ length: classes }, (_, i) => i)))
}
