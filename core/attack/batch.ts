/** Converts between points of single examples and batches of a model. */
import { RobenchError } from '../base/errors.ts'
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { gradientNorms } from './gradient-norms.ts'

/** Copies points into one batch `[points, …exampleShape]`. */
export function stackPoints(
  points: readonly Float32Array[],
  exampleShape: readonly number[],
): FloatTensor {
  return prepareStack(exampleShape)(points)
}

/**
 * Same as `stackPoints`, but all batches share one buffer: a batch is valid until the next one is
 * stacked. For loops of thousands of batches, which would otherwise load the garbage collector.
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

/** The elements of one row along the first axis, as a view. */
export function rowOf({ data, shape }: FloatTensor, row: number): Float32Array {
  const size = data.length / shape[0]!
  return data.subarray(row * size, (row + 1) * size)
}

/**
 * Throws if a gradient is not finite.
 * @param where the place in the message, such as `row 3 at step 2`
 * @param details the details of the error
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
    `the gradient of the loss is not finite: got ${value} for ${where}; use attacks that need ` +
      'no gradients',
    { details },
  )
}
