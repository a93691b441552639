/** DAT: its baseline step is standard training, and both players move. */
import { describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { readOnnx } from '../../../../core/engine/onnx/file.ts'
import { flatten, linear } from '../../../../core/training/layers.ts'
import type { NetworkDefinition } from '../../../../core/training/network.ts'
import { dat } from '../../../../plugins/defenses/dat/dat.ts'
import { standard } from '../../../../plugins/defenses/standard/standard.ts'
import { afterOneStep } from '../training/one-step.ts'
import { trainSmall } from './small-training.ts'

/** Sensitive to the amplitude before it is trained. */
const steep: NetworkDefinition = {
  title: 'steep',
  build: (scope, images) => g.mul(linear(scope, flatten(images), 2), 8),
}

test('the baseline with β = 0 and no label smoothing is standard training', async () => {
  const options = { recombination: 'none', beta: 0, labelSmoothing: 0 }
  const found = await afterOneStep(dat, options)
  expect(found).toBeAllclose(await afterOneStep(standard), { rtol: 0, atol: 1e-6 })
})

describe('training', () => {
  test('updates generator and classifier, and exports the main branch alone', async () => {
    const { model, card } = await trainSmall({})
    // 36 + 2·4 + 10 of the classifier, whose second branch adds 2·4; the generator has
    // (4 + 2 + 1)·8, (8 + 1)·16 + 2·16 and (16 + 1)·64.
    expect(card.parameters).toBe(54 + 8 + 56 + 144 + 32 + 1088)
    const [first, last] = [card.epochs[0]!, card.epochs.at(-1)!]
    expect(last.loss).toBeLessThan(first.loss)
    expect(last.metrics!.divergence).toBeGreaterThan(0)
    expect(last.metrics!.divergence).toBeLessThan(Math.LN2)
    expect(
      readOnnx(model, 'model')
        .nodes.map(({ op }) => op)
        .join(' '),
    ).toBe('Sub Div Conv Relu GlobalAveragePool Flatten Gemm Identity')
  })

  test('the generator raises the loss that it is trained on', async () => {
    // The classifier stands still, and streams are the same: only the generator differs. β = 0,
    // since the KL term of a step holds the adversarial examples of the former recombined images.
    const options = {
      epochs: 4,
      learningRate: 1e-7,
      weightDecay: 0,
      beta: 0,
      normalizeAmplitude: true,
    }
    const lossAt = async (generatorRate: number): Promise<number> =>
      (await trainSmall({ ...options, generatorRate }, steep)).card.epochs.at(-1)!.loss
    expect(await lossAt(0.2)).toBeGreaterThan(1.05 * (await lossAt(1e-9)))
  })

  test.each([
    ['w/o AAG', { recombination: 'random' }, 54 + 8],
    ['w/o split BN', { splitNormalization: false, recombination: 'random' }, 54],
    ['baseline', { recombination: 'none' }, 54],
  ] as const)('%s trains fewer parameters', async (_, options, parameters) => {
    const { card } = await trainSmall({ ...options, epochs: 1 })
    expect(card.parameters).toBe(parameters)
  })
})
