/** Random shrinking and padding of images, with its transpose: the gradient probes of di-fgsm. */
import type { RandomStream } from '../../../core/api/plugin.ts'
import type { GradientPoints } from './gradient-points.ts'

/** Channels, height and width of one image. */
export type ImageShape = readonly [channels: number, height: number, width: number]

/** The image shrunk to `height` × `width`, its first pixel at row `top` and column `left`, zeros around it. */
export interface Placement {
  readonly height: number
  readonly width: number
  readonly top: number
  readonly left: number
}

export interface InputDiversityOptions {
  readonly shape: ImageShape
  /** How often an image is transformed, from 0 to 1. */
  readonly probability: number
  /** The least height, as a fraction of the image's; above 0 and at most 1. */
  readonly resizeRate: number
}

/**
 * Takes the gradient at T(x) with the given probability, else at x. T is drawn anew for each step from the example's stream; it is linear,
 * so its transpose carries the gradient back exactly.
 *
 * Differs from the paper, which enlarges 299 pixels to 299 … 330 inside a frame of 330 for networks that take it: here the frame is the
 * model's own input, and the image shrinks (299/330 ≈ 0.9). Nearest neighbors as in the reference, but about the pixels' centers.
 * @see Xie, Zhang, Zhou, Bai, Wang, Ren, Yuille 2019, "Improving transferability of adversarial examples with input diversity", arXiv:1803.06978, section 3.2
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

/** Height uniform from ⌈rate · height⌉ up, width in proportion, place uniform among those that fit. */
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

/** T'(y) with ⟨T(x), y⟩ = ⟨x, T'(y)⟩. As T only shrinks, no pixel of x is used twice. */
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

/** Each pixel that T copies, as places in `[c, h, w]`: from x, and to T(x). */
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
