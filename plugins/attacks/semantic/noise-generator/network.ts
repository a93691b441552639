/** The noise generator of SPA: a network of an image, its gradient, and a diversity variable. */
import { g } from '../../../../core/api/graph.ts'
import type { Value } from '../../../../core/api/graph.ts'
import { batchNormalization, convolution, heNormal, linear } from '../../../../core/api/training.ts'
import type { LayerScope } from '../../../../core/api/training.ts'

/** The inputs of the generator. */
export interface NoiseGeneratorInputs {
  /** x, `[m, c, h, w]`. */
  readonly images: Value
  /** ∇, the gradient of the loss at x with channels of unit length, `[m, c, h, w]`. */
  readonly slopes: Value
  /** T(x, a), `[m, c, h, w]`. */
  readonly centers: Value
  /** z, `[m, d]`. */
  readonly latent: Value
}

/** Channels of the first layer, as in the authors' code. */
const baseChannels = 8
/** Height and width are padded to a multiple of this, since they are halved three times. */
const multiple = 8

/**
 * Noise in (−1, 1), `[m, c, h, w]`. Four convolutions reduce the image to an eighth of its size,
 * and three transposed convolutions restore it. z passes two small layers and is concatenated to
 * the input of each convolution.
 *
 * Differs from the authors' code: batch normalization is not conditioned on the class; the layers
 * between encoder and decoder, which serve the learned attribute editor, are omitted; sizes that
 * are not a multiple of 8 are padded.
 * @see github.com/DashanGao/SPAA, with 8 base channels and the deeper layer
 */
export function noiseGenerator(scope: LayerScope, inputs: NoiseGeneratorInputs): Value {
  const { images, slopes, centers, latent } = inputs
  const [, channels, height, width] = images.shape as readonly [unknown, number, number, number]
  const below = (multiple - (height % multiple)) % multiple
  const beside = (multiple - (width % multiple)) % multiple
  const dimensions = latent.shape[1] as number
  const code = g.relu(linear(scope, g.relu(linear(scope, latent, dimensions)), dimensions))
  const joined = (x: Value): Value => {
    const [, , h, w] = x.shape as readonly [unknown, unknown, number, number]
    const blank = g.floats(
      [1, 1, h, w],
      Array.from({ length: h * w }, () => 0),
    )
    return g.concat([x, g.add(g.unsqueeze(code, [2, 3]), blank)], 1)
  }
  const down = (x: Value, channels: number, kernel: 3 | 4): Value =>
    convolution(scope, joined(x), { channels, kernel, stride: kernel - 2, pad: 1, bias: true })
  const up = (x: Value, channels: number): Value =>
    g.relu(batchNormalization(scope, doubled(scope, x, channels)))

  let x = g.pad(g.concat([images, slopes, centers], 1), [0, 0, 0, 0, 0, 0, below, beside])
  x = leaky(down(x, baseChannels, 3))
  x = leaky(batchNormalization(scope, down(x, baseChannels, 4)))
  x = leaky(batchNormalization(scope, down(x, 2 * baseChannels, 4)))
  x = leaky(down(x, 4 * baseChannels, 4))
  x = up(x, 2 * baseChannels)
  x = up(x, baseChannels)
  x = up(x, baseChannels)
  x = convolution(scope, x, { channels, kernel: 3, bias: true })
  return g.tanh(g.pad(x, [0, 0, 0, 0, 0, 0, -below, -beside]))
}

function leaky(x: Value): Value {
  return g.op('LeakyRelu', [x], { alpha: 0.2 })[0]!
}

/** A transposed convolution that doubles height and width. */
function doubled(scope: LayerScope, x: Value, channels: number): Value {
  const shape = [x.shape[1] as number, channels, 4, 4]
  const weight = scope.parameter(`${scope.layer('up')}.weight`, shape, heNormal)
  return g.convTranspose(x, weight, { strides: [2, 2], pads: [1, 1, 1, 1] })
}
