/** A gradient pass as an expression. */
import type { Value } from '../engine/graph/value.ts'

/** A pass with the gradient of the inputs, as expressions. */
export interface GradientExpression {
  readonly inputs: readonly [images: Value, labels: Value, targets: Value]
  readonly outputs: { readonly logits: Value; readonly losses: Value; readonly gradient: Value }
}
