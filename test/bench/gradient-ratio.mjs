/**
 * Forward pass and input gradient over the forward pass alone, for networks as attacks see them:
 * constant weights, folded normalization.
 */
import { g } from '../../dist/core/engine/graph/graph.js'
import { gradient } from '../../dist/core/engine/graph/gradient.js'
import { foldBatchNormalization, substitute } from '../../dist/core/engine/graph/rewrite.js'
import { Session } from '../../dist/core/engine/graph/session.js'
import { crossEntropy } from '../../dist/core/model/losses.js'
import { logitsOf, randomBatch, resnet18 } from './networks.mjs'
import { interleavedRatio } from './timing.mjs'

const batch = 64

export const benches = [16, 64].map((width) => ({
  id: `gradient-ratio-resnet18-${width}`,
  title:
    'forward + input gradient over forward, ' +
    `CIFAR ResNet-18, ${width} channels, batch ${batch}, 1 thread`,
  unit: '×',
  bar: { atMost: 2.3 },
  run: () => measure(width, width > 16 ? 9 : 31),
}))

async function measure(width, repeats) {
  const { images, scope, logits } = logitsOf(resnet18(width), { training: false, batch: 'n' })
  const constants = new Map(
    scope.parameters.map(({ value, initial }) => [value, g.constant(initial)]),
  )
  const [folded] = foldBatchNormalization(substitute([logits], constants))
  const labels = g.input('labels', 'int64', ['n'])
  const losses = crossEntropy(folded, labels)
  const [inputGradient] = gradient(losses, [images])
  const forward = await Session.compile({ logits: folded }, [images])
  const both = await Session.compile({ logits: folded, losses, inputGradient }, [images, labels])
  const feeds = randomBatch(batch)
  const ratio = await interleavedRatio({
    numerator: () => both.run(feeds),
    denominator: () => forward.run(feeds),
    repeats,
  })
  await Promise.all([forward.release(), both.release()])
  return ratio
}
