/** A network architecture as a function of expressions. */
import type { Value } from '../engine/graph/value.ts'
import type { LayerScope } from './scope.ts'

/**
 * Builds the logits `[n, k]` of normalized images `[n, c, h, w]`, and creates its parameters in
 * `scope`.
 */
export interface NetworkDefinition {
  readonly title: string
  build(scope: LayerScope, images: Value): Value
}
