/**
 * CIFAR networks and batches for the benchmarks. Weights and images are random: time does not
 * depend on them.
 */
import { g } from '../../dist/core/engine/graph/graph.js'
import { LayerScope } from '../../dist/core/training/scope.js'
import { randomStream } from '../../dist/core/base/random.js'
import { float32, int64 } from '../../dist/core/engine/tensor/tensor.js'
import { resnet } from '../../dist/plugins/networks/resnet.js'

export const imageShape = [3, 32, 32]
const classes = 10

/** CIFAR ResNet-18 with `width` base channels. */
export function resnet18(width) {
  return resnet.define({
    options: { width, blocks: [2, 2, 2, 2] },
    classes,
    inputShape: imageShape,
  })
}

/** ResNet-8 like the shipped models: three stages after a stem of stride 2. */
export function resnet8(width) {
  return resnet.define({
    options: { width, blocks: [1, 1, 1], stemStride: 2 },
    classes,
    inputShape: imageShape,
  })
}

/** The network's logits for a placeholder `inputs`, and its parameters. */
export function logitsOf(network, { training, batch }) {
  const scope = new LayerScope({ training, seed: 0 })
  const images = g.input('inputs', 'float32', [batch, ...imageShape])
  return { images, scope, logits: network.build(scope, images) }
}

/** Random images in [0, 1] and labels. */
export function randomBatch(count) {
  const random = randomStream('bench')
  const size = imageShape.reduce((product, length) => product * length, count)
  return {
    inputs: float32(
      [count, ...imageShape],
      Float32Array.from({ length: size }, () => random.uniform()),
    ),
    labels: int64(
      [count],
      Array.from({ length: count }, (_, i) => i % classes),
    ),
  }
}
