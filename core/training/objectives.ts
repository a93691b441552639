/** Training objectives per example, as expressions of logits `[n, k]` and labels `[n]` (int64). */
import { g } from '../engine/graph/graph.ts'
import type { Value } from '../engine/graph/value.ts'
import { crossEntropy, isLabel } from '../model/losses.ts'

/** Keeps logarithms and quotients of probabilities finite. */
const guard = 1e-7

/** The mean over the batch: `[n]` to a scalar. */
export function batchMean(perExample: Value): Value {
  return g.reduceMean(perExample, [0])
}

/**
 * Cross-entropy with a target of 1 − s for the label plus s/k for each class (Szegedy et al. 2016,
 * arXiv:1512.00567). @param smoothing s in [0, 1)
 */
export function smoothedCrossEntropy(logits: Value, labels: Value, smoothing: number): Value {
  if (smoothing === 0) return crossEntropy(logits, labels)
  const uniform = g.neg(g.reduceMean(g.logSoftmax(logits), [1]))
  return g.add(g.mul(crossEntropy(logits, labels), 1 - smoothing), g.mul(uniform, smoothing))
}

/** KL(p‖q) = Σ p·ln(p/q) of p = softmax(target) and q = softmax(logits). */
export function klDivergence(target: Value, logits: Value): Value {
  const difference = g.sub(g.logSoftmax(target), g.logSoftmax(logits))
  return g.reduceSum(g.mul(g.softmax(target), difference), [1])
}

/**
 * The Jensen–Shannon divergence ½·KL(p‖m) + ½·KL(q‖m) with m = (p + q)/2, of p = softmax(first) and
 * q = softmax(second); in [0, ln 2]. m is at least 1e-7.
 */
export function jsDivergence(first: Value, second: Value): Value {
  const mean = g.clip(g.mul(g.add(g.softmax(first), g.softmax(second)), 0.5), guard, 1)
  const from = (logits: Value): Value =>
    g.reduceSum(g.mul(g.softmax(logits), g.sub(g.logSoftmax(logits), g.log(mean))), [1])
  return g.mul(g.add(from(first), from(second)), 0.5)
}

/**
 * CE(f(x), y) + β·KL(f(x)‖f(x′)) (Zhang et al. 2019, "Theoretically principled trade-off between
 * robustness and accuracy", arXiv:1901.08573, equation 5).
 * @param clean f(x)
 * @param adversarial f(x′)
 */
export function tradesLoss(
  clean: Value,
  adversarial: Value,
  labels: Value,
  beta: number,
  smoothing = 0,
): Value {
  const robust = g.mul(klDivergence(clean, adversarial), beta)
  return g.add(smoothedCrossEntropy(clean, labels, smoothing), robust)
}

/**
 * BCE(p′, y) + λ·KL(p‖p′)·(1 − p_y) with the boosted cross-entropy BCE = −ln p′_y − ln(1 −
 * max_{k≠y} p′_k) (Wang et al. 2020, "Improving adversarial robustness requires revisiting
 * misclassified examples", table 1).
 * @param clean logits of p @param adversarial logits of p′
 */
export function martLoss(clean: Value, adversarial: Value, labels: Value, lambda: number): Value {
  const own = isLabel(adversarial, labels)
  const probabilities = g.softmax(adversarial)
  const strongest = g.reduceMax(g.where(own, 0, probabilities), [1])
  const wrong = g.neg(g.log(g.sub(1 + guard, strongest)))
  const boosted = g.add(crossEntropy(adversarial, labels), wrong)
  const doubt = g.sub(1, g.reduceSum(g.where(own, g.softmax(clean), 0), [1]))
  return g.add(boosted, g.mul(g.mul(klDivergence(clean, adversarial), doubt), lambda))
}

/** The mean of squared differences over all axes but the first: `[n, …]` to `[n]`. */
export function meanSquaredError(first: Value, second: Value): Value {
  const difference = g.sub(first, second)
  return g.reduceMean(g.mul(difference, difference), axesAfterBatch(first))
}

/** The mean of absolute differences over all axes but the first: `[n, …]` to `[n]`. */
export function meanAbsoluteError(first: Value, second: Value): Value {
  return g.reduceMean(g.abs(g.sub(first, second)), axesAfterBatch(first))
}

function axesAfterBatch(x: Value): number[] {
  return x.shape.slice(1).map((_, axis) => axis + 1)
}
