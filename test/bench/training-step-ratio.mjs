/** One training step (forward, all gradients, update) over the forward pass in training mode. */
import { toOnnx } from '../../dist/core/engine/graph/serialize.js'
import { Session } from '../../dist/core/engine/graph/session.js'
import { logitsOf, randomBatch, resnet18, trainingStep } from './networks.mjs'
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
  const { images, scope, logits } = logitsOf(network, { training: true, batch })
  const placeholders = [images, ...scope.parameters.map(({ value }) => value)]
  const forward = await Session.load(toOnnx({ logits }, placeholders))
  const { outputs, inputs, feeds } = trainingStep(network, batch)
  const step = await Session.compile(outputs, inputs)
  const examples = randomBatch(batch)
  const parameters = scope.parameters.map(({ value, initial }) => [value.node.name, initial])
  const forwardFeeds = { ...examples, ...Object.fromEntries(parameters) }
  const ratio = await interleavedRatio({
    numerator: () => step.run({ ...feeds, ...examples }),
    denominator: () => forward.run(forwardFeeds),
    repeats,
  })
  await Promise.all([forward.release(), step.release()])
  return ratio
}
