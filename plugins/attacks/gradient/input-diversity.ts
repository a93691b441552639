/** Random shrinking and padding of images, with its transpose: the gradient points of di-fgsm. */
import type { RandomStream } from '../../../core/api/plugin.ts'
import type { GradientPoints } from './gradient-points.ts'

/** Channels, height and width of one image. */
export type ImageShape = readonly [channels: number, height: number, width: number]

/** An image shrunk to `height` × `width`, at row `top` and column `left`, padded with zeros. */
export interface Placement {
  readonly height: number
  readonly width: number
  readonly top: number
  readonly left: number
}

/** Options of `inputDiversity`. */
export interface InputDiversityOptions {
  readonly shape: ImageShape
  /** Probability of transforming an image, from 0 to 1. */
  readonly probability: number
  /** Minimum height as a fraction of the image's, above 0 and at most 1. */
  readonly resizeRate: number
}

/**
 * Takes the gradient at T(x) with the given probability, otherwise at x. T is drawn for each step
 * from the example's stream. It is linear, so its transpose pulls the gradient back exactly.
 *
 * Differs from the paper, which enlarges images of 299 pixels to 299 … 330 inside a frame of 330,
 * for networks that accept this size: here the frame is the model's own input, and the image
 * shrinks (299/330 ≈ 0.9). Nearest-neighbor interpolation as in the reference, but around pixel
 * centers.
 * @see Xie et al. 2018, section 3.2
 */
export function inputDiversity(options: InputDiversityOptions): GradientPoints {
  const { shape, probability, resizeRate } = options
  return {
    count: 1,
    stochastic: true,
    around({ point, stream }) {
      if (stream.uniform() >= probability) return [{ point, pullBack: (gradient) => gradient }]
      const placement = drawPlacement(shape, resizeRate, stream)
      return [
        {
          point: shrinkAndPad(shape, placement, point),
          pullBack: (gradient) => shrinkAndPadTransposed(shape, placement, gradient),
        },
      ]
    },
  }
}

/**
 * Draws a placement: height uniform from ⌈rate · height⌉ to the full height, width in proportion,
 * position uniform among those that fit.
 */
export function drawPlacement(
  [, fullHeight, fullWidth]: ImageShape,
  resizeRate: number,
  stream: RandomStream,
): Placement {
  const least = Math.ceil(resizeRate * fullHeight)
  const height = least + stream.integer(fullHeight - least + 1)
  const width = Math.max(1, Math.round((fullWidth * height) / fullHeight))
  const top = stream.integer(fullHeight - height + 1)
  const left = stream.integer(fullWidth - width + 1)
  return { height, width, top, left }
}

/** T(x), `[c, h, w]` like x. */
export function shrinkAndPad(
  shape: ImageShape,
  placement: Placement,
  image: Float32Array,
): Float32Array {
  const output = new Float32Array(image.length)
  forEachPixel(shape, placement, (source, target) => {
    output[target] = image[source]!
  })
  return output
}

/** T'(y) with ⟨T(x), y⟩ = ⟨x, T'(y)⟩. T only shrinks, so it uses no pixel of x twice. */
export function shrinkAndPadTransposed(
  shape: ImageShape,
  placement: Placement,
  gradient: Float32Array,
): Float32Array {
  const output = new Float32Array(gradient.length)
  forEachPixel(shape, placement, (source, target) => {
    output[source] = gradient[target]!
  })
  return output
}

/**
 * Calls `copy` for each pixel that T copies, with its indices in x and in T(x), both `[c, h, w]`.
 */
function forEachPixel(
  [channels, fullHeight, fullWidth]: ImageShape,
  { height, width, top, left }: Placement,
  copy: (source: number, target: number) => void,
): void {
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < height; i++) {
      const from = (c * fullHeight + nearest(i, height, fullHeight)) * fullWidth
      const to = (c * fullHeight + top + i) * fullWidth + left
      for (let j = 0; j < width; j++) copy(from + nearest(j, width, fullWidth), to + j)
    }
  }
}

/** The pixel of `full` under the center of pixel `at` of `size`. */
function nearest(at: number, size: number, full: number): number {
  return Math.floor(((at + 0.5) * full) / size)
}
