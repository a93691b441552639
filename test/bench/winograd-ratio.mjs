/**
 * Passes with 3×3 convolutions by minimal filtering, as sessions run them, over the same graphs
 * with onnxruntime's convolutions.
 */
import { g } from '../../dist/core/engine/graph/graph.js'
import { gradient } from '../../dist/core/engine/graph/gradient.js'
import { foldBatchNormalization, substitute } from '../../dist/core/engine/graph/rewrite.js'
import { toOnnx } from '../../dist/core/engine/graph/serialize.js'
import { Session } from '../../dist/core/engine/graph/session.js'
import { crossEntropy } from '../../dist/core/model/losses.js'
import { logitsOf, randomBatch, resnet18, resnet8 } from './networks.mjs'
import { interleavedRatio } from './timing.mjs'

export const benches = [
  bench('resnet8-32', 'CIFAR ResNet-8, 32 channels', resnet8(32), { batch: 64, repeats: 31 }),
  bench('resnet18-64', 'CIFAR ResNet-18, 64 channels', resnet18(64), { batch: 16, repeats: 9 }),
].flat()

function bench(name, title, network, { batch, repeats }) {
  return ['forward', 'gradient'].map((pass) => ({
    id: `winograd-ratio-${name}-${pass}`,
    title:
      `${pass} pass by minimal filtering over the same with tap-by-tap convolutions, ` +
      `${title}, batch ${batch}, 1 thread`,
    unit: '×',
    bar: { atMost: 1 },
    missing: () =>
      process.arch === 'x64' ? undefined : 'sessions use minimal filtering on x64 only',
    run: () => measure(network, pass, batch, repeats),
  }))
}

async function measure(network, pass, batch, repeats) {
  const { images, scope, logits } = logitsOf(network, { training: false, batch: 'n' })
  const constants = new Map(
    scope.parameters.map(({ value, initial }) => [value, g.constant(initial)]),
  )
  const [folded] = foldBatchNormalization(substitute([logits], constants))
  const labels = g.input('labels', 'int64', ['n'])
  const losses = crossEntropy(folded, labels)
  const [outputs, inputs] =
    pass === 'forward'
      ? [{ logits: folded }, [images]]
      : [{ losses, inputGradient: gradient(losses, [images])[0] }, [images, labels]]
  const filtering = await Session.compile(outputs, inputs)
  const direct = await Session.load(toOnnx(outputs, inputs))
  const feeds = randomBatch(batch)
  const ratio = await interleavedRatio({
    numerator: () => filtering.run(feeds),
    denominator: () => direct.run(feeds),
    repeats,
  })
  await Promise.all([filtering.release(), direct.release()])
  return ratio
}
