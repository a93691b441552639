/** Gradients convolved with a Gaussian, for ti-fgsm. */
import type { ImageShape } from './input-diversity.ts'

/**
 * Weights of a Gaussian at −radius … radius, with sum 1.
 * @param sigma in pixels; unused if the radius is 0
 */
export function gaussianKernel(radius: number, sigma: number): Float64Array {
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    radius === 0 ? 1 : Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  )
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

/**
 * Convolves each channel of a `[c, h, w]` gradient with the kernel, first along rows, then along
 * columns, padded with zeros. For a model that is exactly shift-invariant, this is the gradient of
 * an ensemble over shifted images.
 * @param kernel `[2 · radius + 1]`, symmetric
 * @see Dong et al. 2019, section 3.2
 */
export function smoothGradient(
  [channels, height, width]: ImageShape,
  kernel: Float64Array,
  gradient: Float32Array,
): Float32Array {
  const rows = smoothLines(gradient, channels * height, width, 1, kernel)
  const smoothed = new Float32Array(gradient.length)
  for (let c = 0; c < channels; c++) {
    const plane = rows.subarray(c * height * width, (c + 1) * height * width)
    smoothed.set(smoothLines(plane, 1, height, width, kernel), c * height * width)
  }
  return smoothed
}

/**
 * Convolves along the middle axis of `[blocks, length, inner]`.
 * @param inner neighbors along the axis are this far apart
 */
function smoothLines(
  values: Float32Array | Float64Array,
  blocks: number,
  length: number,
  inner: number,
  kernel: Float64Array,
): Float64Array {
  const radius = (kernel.length - 1) / 2
  const smoothed = new Float64Array(values.length)
  for (let block = 0; block < blocks; block++) {
    const first = block * length * inner
    for (let i = 0; i < length; i++) {
      const to = first + i * inner
      const end = Math.min(length - 1, i + radius)
      for (let j = Math.max(0, i - radius); j <= end; j++) {
        addRow(smoothed, to, kernel[j - i + radius]!, values, first + j * inner, inner)
      }
    }
  }
  return smoothed
}

/** Adds weight · values[from …] to output[to …]. */
function addRow(
  output: Float64Array,
  to: number,
  weight: number,
  values: Float32Array | Float64Array,
  from: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) output[to + i]! += weight * values[from + i]!
}
