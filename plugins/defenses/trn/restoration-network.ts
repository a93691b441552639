/** The two-stream restoration network: images and gradient maps to restored images. */
import { g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import { convolution, globalAverage, linear, zeros } from '../../../core/api/training.ts'
import type { LayerScope, Module } from '../../../core/api/training.ts'

/** Options of `restorationNetwork`. */
export interface RestorationOptions {
  /** Channels of each stream. */
  readonly width: number
  /** Number of residual blocks per stream. */
  readonly blocks: number
  /** `block`: a fusion block after each pair of residual blocks; `concat`: none. */
  readonly fusion: 'block' | 'concat'
  /** Range of restored pixels. */
  readonly bounds: readonly [low: number, high: number]
}

/**
 * x̂ = clip(x + r), one stream for the images and one for the gradient maps `[n, maps, h, w]`.
 * Without maps the image stream is alone. The last convolution starts at zero, so the network
 * starts as the identity.
 *
 * The paper's network was not available; beyond two streams and a fusion block it is our reading.
 * @see Hong et al. 2022
 */
export function restorationNetwork({
  width,
  blocks,
  fusion,
  bounds,
}: RestorationOptions): Module<readonly [images: Value, ...maps: Value[]], Value> {
  return {
    name: 'restoration',
    build(scope, images, ...maps) {
      let streams = [images, ...maps].map((x) => spatial(scope, x, width))
      for (let block = 0; block < blocks; block++) {
        streams = streams.map((x) => residualBlock(scope, x, width))
        if (fusion === 'block') streams = fuse(scope, streams, width)
      }
      const joint = g.relu(spatial(scope, g.concat(streams, 1), width))
      return g.clip(g.add(images, correction(scope, joint, images)), ...bounds)
    },
  }
}

function spatial(scope: LayerScope, x: Value, channels: number): Value {
  return convolution(scope, x, { channels, kernel: 3, bias: true })
}

function residualBlock(scope: LayerScope, x: Value, width: number): Value {
  return g.add(x, spatial(scope, g.relu(spatial(scope, x, width)), width))
}

/**
 * Adds to each stream m = s ⊙ u: features u of all streams, weighted per channel by s in (0, 1).
 */
function fuse(scope: LayerScope, streams: readonly Value[], width: number): Value[] {
  const joint = g.concat([...streams], 1)
  const mixed = g.relu(convolution(scope, joint, { channels: width, kernel: 1, bias: true }))
  const features = spatial(scope, mixed, width)
  const squeezed = linear(scope, globalAverage(features), Math.max(1, Math.floor(width / 4)))
  const weights = g.sigmoid(linear(scope, g.relu(squeezed), width))
  const message = g.mul(features, g.unsqueeze(weights, [2, 3]))
  return streams.map((stream) => g.add(stream, message))
}

/** r in the shape of the images: a convolution that starts at zero. */
function correction(scope: LayerScope, x: Value, images: Value): Value {
  const name = scope.layer('conv')
  const [channels, inputs] = [Number(images.shape[1]), Number(x.shape[1])]
  const weight = scope.parameter(`${name}.weight`, [channels, inputs, 3, 3], zeros)
  const bias = scope.parameter(`${name}.bias`, [channels], zeros, { decays: false })
  return g.conv(x, weight, bias, { pads: [1, 1, 1, 1] })
}
