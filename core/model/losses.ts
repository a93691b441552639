/**
 * Losses per example as expressions of logits `[n, k]` and labels `[n]` (int64). Attacks maximize
 * them.
 */
import { g } from '../engine/graph/graph.ts'
import { shapeError } from '../engine/graph/operator-call.ts'
import { formatShape } from '../engine/graph/dim.ts'
import type { Value } from '../engine/graph/value.ts'
import type { Loss, TargetedLoss } from './model.ts'

/** −z_y + ln Σ eᶻ. */
export const crossEntropy: Loss = (logits, labels) => {
  const own = isLabel(logits, labels)
  return g.neg(g.reduceSum(g.where(own, g.logSoftmax(logits), 0), [1]))
}

/**
 * max_{i≠y} z_i − z_y: positive where another class has the largest logit, negative where only the
 * label does, 0 at a tie.
 * @see Carlini, Wagner 2017, "Towards evaluating the robustness of neural networks",
 *   arXiv:1608.04644
 */
export const margin: Loss = (logits, labels) => {
  const own = isLabel(logits, labels)
  return g.sub(g.reduceMax(g.where(own, -1e30, logits), [1]), logitOf(own, logits))
}

/** z_t − z_y: the target's logit minus the label's. */
export const targetedMargin: TargetedLoss = (logits, labels, targets) =>
  g.sub(logitOf(isLabel(logits, targets), logits), logitOf(isLabel(logits, labels), logits))

/** Keeps the denominators of `dlr` and `dlrTargeted` above zero. */
export const dlrGuard = 1e-12

/**
 * The difference of logits ratio (max_{i≠y} z_i − z_y) / (z_π1 − z_π3 + 10⁻¹²), where π sorts the
 * logits in descending order. Invariant to a·z + b with a > 0, so scaling the logits does not hide
 * its gradient. With fewer than 3 classes there is no z_π3; then it is `margin`.
 * @see Croce, Hein 2020, arXiv:2003.01690, eq. 6
 */
export const dlr: Loss = (logits, labels) => {
  const rise = margin(logits, labels)
  if (classesOf(logits) < 3) return rise
  const [first, , third] = largestLogits(logits, 3)
  return g.div(rise, g.add(g.sub(first!, third!), dlrGuard))
}

/**
 * (z_t − z_y) / (z_π1 − (z_π3 + z_π4) / 2 + 10⁻¹²). With fewer than 4 classes it is
 * `targetedMargin`.
 * @see Croce, Hein 2020, arXiv:2003.01690, eq. 7
 */
export const dlrTargeted: TargetedLoss = (logits, labels, targets) => {
  const rise = targetedMargin(logits, labels, targets)
  if (classesOf(logits) < 4) return rise
  const [first, , third, fourth] = largestLogits(logits, 4)
  const spread = g.sub(first!, g.mul(g.add(third!, fourth!), 0.5))
  return g.div(rise, g.add(spread, dlrGuard))
}

/** `[n, k]`: true where the class is the label. */
export function isLabel(logits: Value, labels: Value): Value {
  return g.equal(g.unsqueeze(labels, [1]), classNumbers(logits))
}

/** `[n]`: the logit of the one class per example where the mask `[n, k]` is true. */
function logitOf(mask: Value, logits: Value): Value {
  return g.reduceSum(g.where(mask, logits, 0), [1])
}

/** z_π1, z_π2, …, each `[n]` with its own gradient. Ties are sorted by class. */
function largestLogits(logits: Value, count: number): Value[] {
  const found: Value[] = []
  let rest = logits
  while (found.length < count) {
    const [at] = g.op('ArgMax', [rest], { axis: 1, keepdims: 1 })
    const mask = g.equal(at!, classNumbers(logits))
    found.push(logitOf(mask, logits))
    rest = g.where(mask, -1e30, rest)
  }
  return found
}

function classNumbers(logits: Value): Value {
  return g.integers(Array.from({ length: classesOf(logits) }, (_, i) => i))
}

function classesOf(logits: Value): number {
  const classes = logits.shape[1]
  if (typeof classes !== 'number' || logits.shape.length !== 2) {
    throw shapeError(
      { op: 'loss' },
      `expected logits [n, classes], got ${formatShape(logits.shape)}`,
    )
  }
  return classes
}
