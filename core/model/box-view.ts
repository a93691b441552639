/** A model in the coordinates of a box: −1 and 1 are its corners in each component. */
import { g } from '../engine/graph/graph.ts'
import type { Value } from '../engine/graph/value.ts'
import { tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { delegateModel } from './delegate.ts'
import type { Model } from './model.ts'

/** The lowest and the highest value of each component of an input. */
export interface Box {
  readonly lower: Float32Array
  readonly upper: Float32Array
}

/**
 * Writes the point of a box with the given coordinates in [−1, 1]: clip((l + u)/2 + z·(u − l)/2),
 * computed in float64, rounded to float32, and clipped, so that it is exactly within the box.
 */
export function intoBox(
  { lower, upper }: Box,
  coordinates: Float32Array,
  point: Float32Array,
): void {
  for (let i = 0; i < point.length; i++) {
    const [low, high] = [lower[i]!, upper[i]!]
    const value = Math.fround((low + high) / 2 + (coordinates[i]! * (high - low)) / 2)
    point[i] = Math.min(high, Math.max(low, value))
  }
}

/**
 * The model as a function of coordinates in [−1, 1]. Its bounds are −1 and 1, and its gradients are
 * those with respect to the coordinates.
 */
export function boxView(model: Model, box: Box): Model {
  const { lower, upper } = box
  const half = Float64Array.from(lower, (low, i) => (upper[i]! - low) / 2)
  const size = lower.length
  const place = (inputs: FloatTensor): FloatTensor => {
    const data = new Float32Array(inputs.data.length)
    for (let start = 0; start < data.length; start += size) {
      const row = inputs.data.subarray(start, start + size)
      intoBox(box, row, data.subarray(start, start + size))
    }
    return tensor('float32', inputs.shape, data)
  }
  return delegateModel(model, {
    bounds: [-1, 1],
    logits: (inputs) => model.logits(place(inputs)),
    async gradient(inputs, ...request) {
      const result = await model.gradient(place(inputs), ...request)
      const data = result.gradient.data.map((slope, i) => slope * half[i % size]!)
      return { ...result, gradient: tensor('float32', result.gradient.shape, data) }
    },
    compile: (build) =>
      model.compile((scope) =>
        build({
          ...scope,
          gradient: (of, by) => scope.gradient(of, by),
          logits: (inputs) => scope.logits(expressPlace(inputs, box, model.inputShape)),
        }),
      ),
    variant: (options) => boxView(model.variant(options), box),
  })
}

function expressPlace(inputs: Value, { lower, upper }: Box, shape: readonly number[]): Value {
  const corner = (values: Float32Array): Value => g.floats([...shape], [...values])
  const middle = lower.map((low, i) => (low + upper[i]!) / 2)
  const half = lower.map((low, i) => (upper[i]! - low) / 2)
  return g.add(corner(middle), g.mul(inputs, corner(half)))
}
