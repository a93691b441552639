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
  const smoothed = Float64Array.from(gradient)
  for (let row = 0; row < channels * height; row++) {
    smoothLine(smoothed, { start: row * width, stride: 1, length: width }, kernel)
  }
  for (let c = 0; c < channels; c++) {
    for (let column = 0; column < width; column++) {
      const start = c * height * width + column
      smoothLine(smoothed, { start, stride: width, length: height }, kernel)
    }
  }
  return Float32Array.from(smoothed)
}

/** Convolves one row or column in place. */
function smoothLine(
  values: Float64Array,
  line: { readonly start: number; readonly stride: number; readonly length: number },
  kernel: Float64Array,
): void {
  const { start, stride, length } = line
  const radius = (kernel.length - 1) / 2
  const before = Float64Array.from({ length }, (_, i) => values[start + i * stride]!)
  for (let i = 0; i < length; i++) {
    let sum = 0
    const end = Math.min(length - 1, i + radius)
    for (let j = Math.max(0, i - radius); j <= end; j++) {
      sum += kernel[j - i + radius]! * before[j]!
    }
    values[start + i * stride] = sum
  }
}
