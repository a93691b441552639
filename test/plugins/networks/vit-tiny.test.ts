/** `vit-tiny` learns where a bright patch is, which needs positions. */
import { expect, test } from 'vitest'
import { memoryDataset } from '../../../core/data/memory-dataset.ts'
import { randomStream } from '../../../core/base/random.ts'
import { channelStatistics } from '../../../core/training/channel-statistics.ts'
import { classifierModule } from '../../../core/training/module.ts'
import { adamW } from '../../../core/training/optimizer.ts'
import { batchMean } from '../../../core/training/objectives.ts'
import { definePhase } from '../../../core/training/phase.ts'
import { runTraining, splitRows } from '../../../core/training/run-training.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import { networkOf } from './support.ts'

const count = 320

/** 8×8 images with one bright patch of 4×4: at the top left, at the top right, or below. */
const data = (() => {
  const random = randomStream('patches')
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3)
  const pixels = Uint8Array.from({ length: count * 64 }, (_, i) => {
    const patch = 2 * (Math.floor(i / 32) % 2) + (Math.floor(i / 4) % 2)
    const isBright = patch === labels[Math.floor(i / 64)]!
    return Math.round((isBright ? 160 : 60) + 40 * random.uniform())
  })
  return memoryDataset({
    id: 'patches',
    title: 'Patches',
    split: 'train',
    toy: true,
    shape: [1, 8, 8],
    classNames: ['left', 'right', 'below'],
    pixels,
    labels,
  })
})()

test.each(['token', 'mean'])('with pooling "%s"', async (pooling) => {
  const options = { width: 32, depth: 1, heads: 2, hidden: 2, pooling }
  const network = await networkOf('vit-tiny', options, [1, 8, 8], 3)
  const { examples } = splitRows(data, 1, 80)
  const classifier = classifierModule(network, channelStatistics(data, examples))
  const weights = {
    name: 'weights',
    modules: [classifier],
    optimizer: adamW({ weightDecay: 0.01 }),
    rate: 0.003,
  }
  const { epochs } = await runTraining(
    {
      phases: [
        definePhase({
          name: 'training step',
          inputs: { inputs: { shape: data.shape } },
          prepare: (batch) => ({ inputs: batch.images() }),
          steps: [
            {
              updates: [weights],
              loss(m, { inputs, labels }) {
                const logits = m.apply(classifier, [inputs], { training: true })
                return { loss: batchMean(crossEntropy(logits, labels)), logits }
              },
            },
          ],
        }),
      ],
      model: (m, images) => m.apply(classifier, [images]),
    },
    {
      data,
      epochs: 12,
      batchSize: 24,
      validation: 80,
      seed: 1,
      threads: 1,
      identity: pooling,
      progress: () => {},
    },
  )
  expect(epochs[0]!.loss).toBeGreaterThan(1)
  expect(epochs[11]!.loss).toBeLessThan(0.1)
  expect(epochs[11]!.validationAccuracy).toBeGreaterThan(0.95)
})
