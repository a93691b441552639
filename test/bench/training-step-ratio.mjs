/** One training step (forward, all gradients, update) over the forward pass in training mode. */
import { toOnnx } from '../../dist/core/engine/graph/serialize.js'
import { Session } from '../../dist/core/engine/graph/session.js'
import { initialParameters, stepGraph } from '../../dist/core/training/training-graph.js'
import { float32 } from '../../dist/core/engine/tensor/tensor.js'
import { imageShape, logitsOf, randomBatch, resnet18 } from './networks.mjs'
import { interleavedRatio } from './timing.mjs'

const batch = 128

export const benches = [
  {
    id: 'training-step-ratio-resnet18-16',
    title:
      'training step over its forward pass, ' +
      `CIFAR ResNet-18, 16 channels, batch ${batch}, 1 thread`,
    unit: '×',
    bar: null,
    run: () => measure(16, 9),
  },
]

async function measure(width, repeats) {
  const network = resnet18(width)
  const trained = {
    network,
    inputShape: imageShape,
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    seed: 0,
  }
  const { images, scope, logits } = logitsOf(network, { training: true, batch })
  const placeholders = [images, ...scope.parameters.map(({ value }) => value)]
  const forward = await Session.load(toOnnx({ logits }, placeholders))
  const optimizer = { momentum: 0.9, weightDecay: 5e-4, nesterov: false }
  const graph = stepGraph(trained, batch, optimizer)
  const step = await Session.compile(graph.outputs, graph.inputs)
  const feeds = { ...randomBatch(batch), rate: float32([], [0.1]) }
  for (const { name, initial } of initialParameters(trained)) {
    feeds[`parameter/${name}`] = initial
    feeds[`momentum/${name}`] = float32(initial.shape, new Float32Array(initial.data.length))
  }
  const ratio = await interleavedRatio({
    numerator: () => step.run(feeds),
    denominator: () => forward.run(feeds),
    repeats,
  })
  await Promise.all([forward.release(), step.release()])
  return ratio
}
