/** Modalities: views of one image, each a differentiable transform inside the model's graph. */
import { g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import { radialFilter } from '../../../core/api/transforms.ts'

/** Names of the modalities. */
export const modalityNames = ['rgb', 'high', 'low', 'edge', 'gray'] as const
/** A modality of `modalityNames`. */
export type ModalityName = (typeof modalityNames)[number]

/** Weights of red, green and blue in luminance (ITU-R BT.601). */
const luminanceWeights = [0.299, 0.587, 0.114]
/** Keeps the derivative of the square root finite where an image is constant. */
const guard = 1e-6

/**
 * A modality of images `[n, c, h, w]` in [0, 1]:
 * - `rgb`: the image itself;
 * - `high`: clip(0.5 + HPF_r(x));
 * - `low`: LPF_r(x), clipped;
 * - `edge`: the magnitude of the Sobel gradient of luminance, `[n, 1, h, w]`;
 * - `gray`: luminance, `[n, 1, h, w]`.
 * @param radius r of the filters, in bins from frequency 0
 */
export function modality(name: ModalityName, images: Value, radius: number): Value {
  switch (name) {
    case 'rgb':
      return images
    case 'high':
      return g.clip(g.add(highPass(images, radius), 0.5), 0, 1)
    case 'low':
      return g.clip(g.sub(images, highPass(images, radius)), 0, 1)
    case 'edge':
      return sobelMagnitude(luminance(images))
    case 'gray':
      return luminance(images)
    default:
      return name satisfies never
  }
}

/** HPF_r: frequencies at least r bins from 0, of images `[n, c, h, w]`. */
export function highPass(images: Value, radius: number): Value {
  return radialFilter(images, { band: 'high', radius })
}

/** `[n, c, h, w]` to `[n, 1, h, w]`; the mean of the channels unless there are three. */
function luminance(images: Value): Value {
  const channels = images.shape[1] as number
  if (channels === 1) return images
  const weights = channels === 3 ? luminanceWeights : Array<number>(channels).fill(1 / channels)
  return g.conv(images, g.floats([1, channels, 1, 1], weights))
}

/** √(Gx² + Gy² + 1e-6)/4, in [0, about √2], of `[n, 1, h, w]` without padding artifacts. */
function sobelMagnitude(gray: Value): Value {
  const kernels = g.floats(
    [2, 1, 3, 3],
    [-1, 0, 1, -2, 0, 2, -1, 0, 1, -1, -2, -1, 0, 0, 0, 1, 2, 1],
  )
  const padded = g.op('Pad', [gray, g.integers([0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'edge' })[0]!
  const slopes = g.conv(padded, kernels)
  const squares = g.reduceSum(g.mul(slopes, slopes), [1], true)
  return g.div(g.sqrt(g.add(squares, guard)), 4)
}
