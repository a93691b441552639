/** Shapes of named inputs of graphs in training. */
import type { DType } from '../engine/tensor/tensor.ts'

/** Shape of an input for one example; the batch axis comes first in the graph. */
export interface InputShape {
  readonly shape: readonly number[]
  /** Default `float32`. */
  readonly dtype?: DType
}
