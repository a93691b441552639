/** The weights of a file: their number and their memory. */
import type { OnnxGraph } from '../engine/onnx/file.ts'

/**
 * Memory of the weights at its peak, when a worker compiles the sessions of both passes. Measured
 * per byte of weights: 9 for dense layers, 16 for kernels of 5 × 5, and 22 and 20 for a ResNet-18
 * and a WideResNet-28-10, whose kernels of 3 × 3 are transformed.
 */
export function weightBytes({ initializers }: OnnxGraph): number {
  let bytes = 0
  for (const { data, shape } of initializers.values()) {
    const isKernel = shape.length === 4 && shape[2]! * shape[3]! > 1
    bytes += (isKernel ? 21 : 10) * data.byteLength
  }
  return bytes
}

/** Number of elements of the file's floating-point initializers. */
export function countParameters({ initializers }: OnnxGraph): number {
  let count = 0
  for (const { dtype, data } of initializers.values()) {
    if (dtype.startsWith('float')) count += data.length
  }
  return count
}
