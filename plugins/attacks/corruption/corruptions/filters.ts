/** Correlation with small kernels, with the three border modes of the authors' libraries. */
import type { Image } from './image.ts'

/**
 * How a row `a b c d` continues beyond its end: `nearest` repeats d (the default of skimage),
 * `reflect` continues with d c b a (SciPy's term), and `mirror` with c b a (the default of OpenCV,
 * BORDER_REFLECT_101).
 */
export type Border = 'nearest' | 'reflect' | 'mirror'

/** A kernel with odd sides; `weights` is `[height, width]`. */
export interface Kernel {
  readonly height: number
  readonly width: number
  readonly weights: Float64Array
}

/** Maps an index outside 0 … length − 1 to the index inside that the border mode repeats there. */
export function insideBorder(place: number, length: number, border: Border): number {
  if (place >= 0 && place < length) return place
  if (border === 'nearest' || length === 1) return place < 0 ? 0 : length - 1
  const period = border === 'reflect' ? 2 * length : 2 * length - 2
  const turned = ((place % period) + period) % period
  if (turned < length) return turned
  return border === 'reflect' ? period - 1 - turned : period - turned
}

/** Correlates each channel with the kernel, which is centered on the output pixel. */
export function correlate(image: Image, kernel: Kernel, border: Border): Image {
  const { channels, height, width, data } = image
  const { weights } = kernel
  const rows = sources(height, kernel.height, border)
  const columns = sources(width, kernel.width, border)
  const output = new Float64Array(data.length)
  let index = 0
  for (let channel = 0; channel < channels; channel++) {
    const plane = channel * height * width
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, index++) {
        let sum = 0
        let weight = 0
        for (let i = 0; i < kernel.height; i++) {
          const row = plane + rows[y + i]! * width
          for (let j = 0; j < kernel.width; j++, weight++) {
            sum += weights[weight]! * data[row + columns[x + j]!]!
          }
        }
        output[index] = sum
      }
    }
  }
  return { ...image, data: output }
}

/** The source index of each index from −half to length − 1 + half along an axis. */
function sources(length: number, side: number, border: Border): Int32Array {
  const half = (side - 1) / 2
  return Int32Array.from({ length: length + side - 1 }, (_, i) =>
    insideBorder(i - half, length, border),
  )
}

/**
 * Gaussian blur. The kernel's radius is round(truncate · deviation) pixels, as in SciPy. With
 * radius 0 the image is returned unchanged.
 * @param deviation in pixels, 0 or more
 */
export function smooth(
  image: Image,
  deviation: number,
  { border = 'nearest', truncate = 4 }: { border?: Border; truncate?: number } = {},
): Image {
  const radius = Math.floor(truncate * deviation + 0.5)
  if (radius === 0) return image
  const weights = gaussianWeights(radius, deviation)
  const side = weights.length
  const down = correlate(image, { height: side, width: 1, weights }, border)
  return correlate(down, { height: 1, width: side, weights }, border)
}

/** exp(−i² / 2σ²) for i from −radius to radius, with sum 1. */
export function gaussianWeights(radius: number, deviation: number): Float64Array {
  const side = 2 * radius + 1
  const weights = Float64Array.from({ length: side }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * deviation * deviation)),
  )
  return normalized(weights)
}

/** The weights divided by their sum. */
export function normalized(weights: Float64Array): Float64Array {
  let sum = 0
  for (const weight of weights) sum += weight
  return weights.map((weight) => weight / sum)
}
