/** A network architecture as a function of expressions, with its parameters named and initialized. */
import type { Value } from '../engine/graph/value.ts'
import type { LayerScope } from './scope.ts'

/** Builds the logits `[n, k]` of images `[n, c, h, w]` (already normalized), creating parameters in `scope`. */
export interface NetworkDefinition {
  readonly title: string
  build(scope: LayerScope, images: Value): Value
}
