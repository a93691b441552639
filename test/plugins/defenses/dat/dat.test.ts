/** DAT: its baseline step is TRADES without noise, and both players move. */
import { describe, expect, test } from 'vitest'
import { g } from '../../../../core/engine/graph/graph.ts'
import { readOnnx } from '../../../../core/engine/onnx/file.ts'
import type { NetworkDefinition } from '../../../../core/training/network.ts'
import {
  batchNormalization,
  convolution,
  flatten,
  globalAverage,
  linear,
} from '../../../../core/training/layers.ts'
import { dat } from '../../../../plugins/defenses/dat/dat.ts'
import { standard } from '../../../../plugins/defenses/standard/standard.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { prepareDefense, trainingSet } from '../../../support/defense-context.ts'
import { afterOneStep } from '../training/one-step.ts'

const shape = [1, 8, 8] as const
/** Rows or columns, in noise. */
const data = (() => {
  const random = randomStream('bars')
  const labels = Int32Array.from({ length: 48 }, (_, i) => i % 2)
  const pixels = Uint8Array.from({ length: 48 * 64 }, (_, i) => {
    const [x, y] = [i % 8, Math.floor(i / 8) % 8]
    const stripe = (labels[Math.floor(i / 64)] === 0 ? y : x) % 2
    return Math.round(70 + 80 * stripe + 60 * random.uniform())
  })
  return trainingSet(shape, pixels, labels, 2)
})()
const network: NetworkDefinition = {
  title: 'tiny CNN',
  build(scope, images) {
    const x = convolution(scope, images, { channels: 4, kernel: 3 })
    return linear(scope, globalAverage(g.relu(batchNormalization(scope, x))), 2)
  },
}
const small = {
  epochs: 2,
  batchSize: 16,
  learningRate: 0.1,
  crop: 1,
  validation: 0,
  steps: 2,
  noiseSize: 4,
  generatorWidths: [8, 16],
  recombinedCrop: 1,
} as const

interface Card {
  readonly parameters: number
  readonly epochs: readonly { readonly loss: number; readonly metrics?: { divergence: number } }[]
}

/** Sensitive to the amplitude before it is trained. */
const steep: NetworkDefinition = {
  title: 'steep',
  build: (scope, images) => g.mul(linear(scope, flatten(images), 2), 8),
}

async function trained(
  options: Readonly<Record<string, unknown>>,
  built: NetworkDefinition = network,
): Promise<{ readonly model: Uint8Array; readonly card: Card }> {
  const setting = { shape, network: built, data } as const
  const { model, training } = await prepareDefense(dat, { ...small, ...options }, setting)
  return { model, card: training as unknown as Card }
}

test('the baseline with β = 0 and no label smoothing is standard training', async () => {
  const options = { recombination: 'none', beta: 0, labelSmoothing: 0 }
  const found = await afterOneStep(dat, options)
  expect(found).toBeAllclose(await afterOneStep(standard), { rtol: 0, atol: 1e-6 })
})

describe('training', () => {
  test('updates generator and classifier, and exports the main branch alone', async () => {
    const { model, card } = await trained({})
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
      (await trained({ ...options, generatorRate }, steep)).card.epochs.at(-1)!.loss
    expect(await lossAt(0.2)).toBeGreaterThan(1.05 * (await lossAt(1e-9)))
  })

  test.each([
    ['w/o AAG', { recombination: 'random' }, 54 + 8],
    ['w/o split BN', { splitNormalization: false, recombination: 'random' }, 54],
    ['baseline', { recombination: 'none' }, 54],
  ] as const)('%s trains fewer parameters', async (_, options, parameters) => {
    const { card } = await trained({ ...options, epochs: 1 })
    expect(card.parameters).toBe(parameters)
  })

  test.each([
    ['w/o D_JS', { omega: 0 }],
    ['w/o mix-up', { mix: 'full' }],
    ['single adversary', { adversaries: 'single' }],
    ['normalized amplitude', { normalizeAmplitude: true }],
    ['weight perturbation', { weightPerturbation: 0.005 }],
  ])('%s gives another model', async (_, options) => {
    const [own, plain] = [await trained({ ...options, epochs: 1 }), await trained({ epochs: 1 })]
    expect(own.model).not.toEqual(plain.model)
    expect(Number.isFinite(own.card.epochs[0]!.loss)).toBe(true)
  })
})
