/** Passes with a gradient in half precision. */
import { g } from '../engine/graph/graph.ts'
import { gradient, type GradientOptions } from '../engine/graph/gradient.ts'
import { topologicalOrder, type Value } from '../engine/graph/value.ts'
import type { GradientExpression } from './gradient-expression.ts'
import { isLabel } from './losses.ts'

/** A divisor of gradients that are zero. */
const tiny = 1e-30

/**
 * The gradient of losses `[n]` with respect to images `[n, c, h, w]`, with the backward pass of
 * each example scaled: it starts at the gradient of the logits divided by its largest component, and
 * its result is multiplied by it. So it neither vanishes nor overflows in float16, however sure the
 * model is.
 * @param logits `[n, k]`, of which the losses are functions
 */
export function scaledGradient(
  losses: Value,
  logits: Value,
  images: Value,
  options: GradientOptions,
): Value {
  const [ofLogits] = gradient(
    losses,
    [logits],
    options.name === undefined ? {} : { name: options.name },
  )
  const largest = g.max(g.reduceMax(g.abs(ofLogits!), [1], true), g.floats([], [tiny]))
  const upstream = g.div(ofLogits!, largest)
  const [ofImages] = gradient(logits, [images], { ...options, upstream })
  return g.mul(ofImages!, g.unsqueeze(largest, [2, 3]))
}

/** The error of logits in half precision that is allowed for, relative to the largest. */
const doubt = 2 ** -8

/**
 * Logits `[n, k]` for the decisions of an attack. An attack stops at a point that it takes for
 * adversarial, and the host, which predicts in float32, might disagree. So the logit of the label is
 * raised, and that of the target lowered, by 2⁻⁸ of the largest logit: what is adversarial here is
 * adversarial in float32, unless rounding was worse than that.
 */
export function cautiousLogits(
  { logits, losses }: Pick<GradientExpression['outputs'], 'logits' | 'losses'>,
  labels: Value,
  targets: Value,
): Value {
  const error = g.mul(g.reduceMax(g.abs(logits), [1], true), doubt)
  const raised = g.add(logits, g.where(isLabel(logits, labels), error, 0))
  if (!topologicalOrder([losses]).includes(targets.node)) return raised
  return g.sub(raised, g.where(isLabel(logits, targets), error, 0))
}
