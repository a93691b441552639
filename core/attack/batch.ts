/** Between the points of single examples and the batches that a model takes. */
import { RobenchError } from '../base/errors.ts'
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { gradientNorms } from './gradient-norms.ts'

/** Points as one batch `[points, …exampleShape]`, copied. */
export function stackPoints(
  points: readonly Float32Array[],
  exampleShape: readonly number[],
): FloatTensor {
  return prepareStack(exampleShape)(points)
}

/**
 * Stacks points as `stackPoints` does, but into one buffer: a batch holds until the next one is stacked. For loops of thousands of
 * batches, whose buffers would keep the garbage collector busy beside the model's own.
 */
export function prepareStack(
  exampleShape: readonly number[],
): (points: readonly Float32Array[]) => FloatTensor {
  const size = sizeOf(exampleShape)
  let buffer = new Float32Array(0)
  return (points) => {
    const length = points.length * size
    if (buffer.length < length) buffer = new Float32Array(length)
    points.forEach((point, place) => buffer.set(point, place * size))
    return tensor('float32', [points.length, ...exampleShape], buffer.subarray(0, length))
  }
}

/** The elements of one row along the first axis: a view, not a copy. */
export function rowOf({ data, shape }: FloatTensor, row: number): Float32Array {
  const size = data.length / shape[0]!
  return data.subarray(row * size, (row + 1) * size)
}

/**
 * Refuses a gradient that is not finite.
 * @param where ends the message: `row 3 at step 2`.
 * @throws RobenchError ROBENCH_MODEL_OUTPUT
 */
export function checkGradient(
  gradient: Float32Array,
  where: string,
  details: Readonly<Record<string, unknown>>,
): void {
  if (Number.isFinite(gradientNorms(gradient).absolute)) return
  const value = gradient.find((component) => !Number.isFinite(component))
  throw new RobenchError(
    'ROBENCH_MODEL_OUTPUT',
    `the gradient of the loss is not finite: got ${value} for ${where}; attack such a model without gradients`,
    { details },
  )
}
