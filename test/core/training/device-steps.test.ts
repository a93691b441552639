/** Inner attacks and several batches in one graph train the same weights as steps of the host. */
import { expect, test } from 'vitest'
import { randomStream } from '../../../core/base/random.ts'
import { memoryDataset } from '../../../core/data/memory-dataset.ts'
import { g } from '../../../core/engine/graph/graph.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import {
  boxVariable,
  imageVariable,
  noiseVariable,
} from '../../../core/training/attack-variable.ts'
import type { AttackVariable } from '../../../core/training/attack-variable.ts'
import type { InnerAttack } from '../../../core/training/inner-attack.ts'
import {
  batchNormalization,
  convolution,
  globalAverage,
  linear,
} from '../../../core/training/layers.ts'
import { classifierModule } from '../../../core/training/module.ts'
import { batchMean, klDivergence } from '../../../core/training/objectives.ts'
import { sgd } from '../../../core/training/optimizer.ts'
import { definePhase, type Phase } from '../../../core/training/phase.ts'
import { runTraining } from '../../../core/training/run-training.ts'
import { Trainer } from '../../../core/training/trainer.ts'

const classifier = classifierModule(
  {
    title: 'tiny',
    build(scope, images) {
      const layer = convolution(scope, images, { channels: 8, kernel: 3, stride: 2 })
      return linear(scope, globalAverage(g.relu(batchNormalization(scope, layer))), 4)
    },
  },
  { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
)
const examples = 240
const random = randomStream('device steps')
const data = memoryDataset({
  id: 'noise',
  title: 'Noise',
  split: 'train',
  toy: true,
  shape: [3, 8, 8],
  classNames: ['a', 'b', 'c', 'd'],
  pixels: Uint8Array.from({ length: examples * 192 }, () => random.integer(256)),
  labels: Int32Array.from({ length: examples }, (_, i) => i % 4),
})
const linf = { norm: 'Linf', epsilon: 0.05, bounds: [0, 1] } as const
const l2 = { norm: 'L2', epsilon: 0.5, bounds: [0, 1] } as const

const cross: InnerAttack['loss'] = (m, { images, labels }) =>
  crossEntropy(m.apply(classifier, [images]), labels)

function attackOf(variable: AttackVariable, more: Partial<InnerAttack> = {}): InnerAttack {
  return { name: 'attack', steps: 2, variables: { images: variable }, loss: cross, ...more }
}

function phaseOf(attack?: InnerAttack): Phase {
  return definePhase({
    name: 'step',
    inputs: { inputs: { shape: [3, 8, 8] } },
    prepare: (batch) => ({ inputs: batch.images() }),
    ...(attack && {
      attack: {
        definition: attack,
        input: 'inputs',
        settings: (batch) => ({ random: batch.random('start'), scale: (1 + batch.progress) / 2 }),
      },
    }),
    steps: [
      {
        updates: [
          {
            name: 'weights',
            modules: [classifier],
            optimizer: sgd({ momentum: 0.9 }),
            rate: 0.05,
            schedule: 'cosine',
            averaging: { kind: 'ema', decay: 0.9 },
          },
        ],
        ...(attack?.reference && { weightPerturbation: { gamma: 0.01, from: 0.5 } }),
        loss(m, { inputs, labels }) {
          const logits = m.apply(classifier, [inputs], { training: true })
          return { loss: batchMean(crossEntropy(logits, labels)), logits }
        },
      },
    ],
  })
}

const trainedBy = async (phase: Phase, stepping: 'host' | 'device'): Promise<TrainingFacts> => {
  const trainer = await Trainer.create({
    recipe: { phases: [phase], model: (m, images) => m.apply(classifier, [images]) },
    data,
    batch: 20,
    seed: 3,
    threads: 1,
    stepping,
  })
  try {
    const { batchesPerRun } = trainer
    const batches = Array.from({ length: 8 }, (_, step) => ({
      position: { epoch: 0, step, progress: step / 8 },
      rows: Array.from({ length: 20 }, (_row, i) => step * 20 + i),
    }))
    const reports = []
    for (let first = 0; first < batches.length; first += batchesPerRun) {
      reports.push(...(await trainer.runBatches(batches.slice(first, first + batchesPerRun))))
    }
    return {
      batchesPerRun: trainer.batchesPerRun,
      losses: reports.map(({ loss }) => loss!),
      correct: reports.map(({ correct }) => correct!),
      weights: [...trainer.state.tensors],
    }
  } finally {
    await trainer.release()
  }
}

interface TrainingFacts {
  readonly batchesPerRun: number
  readonly losses: readonly number[]
  readonly correct: readonly number[]
  readonly weights: readonly (readonly [string, { readonly data: Float32Array }])[]
}

const attacks: readonly [string, InnerAttack | undefined][] = [
  ['no attack', undefined],
  ['Linf', attackOf(imageVariable({ threatModel: linf, stepSize: 0.02 }))],
  ['L2', attackOf(imageVariable({ threatModel: l2, stepSize: 0.2 }))],
  ['momentum', attackOf(imageVariable({ threatModel: linf, stepSize: 0.02, momentum: 1 }))],
  [
    'a reference',
    attackOf(imageVariable({ threatModel: linf, stepSize: 0.02, start: { deviation: 0.01 } }), {
      reference: (m, clean) => m.apply(classifier, [clean]),
      loss: (m, { images, reference }) => klDivergence(reference!, m.apply(classifier, [images])),
    }),
  ],
  [
    'noise and brightness',
    attackOf(noiseVariable({ epsilon: 0.05, stepSize: 0.02 }), {
      variables: {
        noise: noiseVariable({ epsilon: 0.05, stepSize: 0.02 }),
        shift: boxVariable({ low: [-0.1], high: [0.2], stepSizes: [0.05], neutral: [0] }),
      },
      perturb: ({ noise, shift }, clean) =>
        g.add(g.add(clean, noise!), g.unsqueeze(shift!, [2, 3])),
    }),
  ],
]

test.each(attacks)('%s: losses and weights are those of the host', async (_, attack) => {
  const host = await trainedBy(phaseOf(attack), 'host')
  const device = await trainedBy(phaseOf(attack), 'device')
  expect(host.batchesPerRun).toBe(1)
  expect(device.batchesPerRun).toBe(4)
  expect(host.losses).toHaveLength(8)
  device.losses.forEach((loss, i) => expect(loss).toBeCloseTo(host.losses[i]!, 4))
  expect(device.correct).toEqual(host.correct)
  expect(device.weights.map(([name]) => name)).toEqual(host.weights.map(([name]) => name))
  for (const [i, [name, { data: values }]] of device.weights.entries()) {
    const own = host.weights[i]![1].data
    const largest = Math.max(...values.map((value, k) => Math.abs(value - own[k]!)))
    expect(largest, name).toBeLessThan(2e-4)
  }
})

test('a batch whose preparation needs weights runs alone, its attack in one graph', async () => {
  const attack = attackOf(imageVariable({ threatModel: linf, stepSize: 0.02 }))
  const within: Phase = {
    ...phaseOf(),
    async prepare(batch) {
      const { images } = await batch.attack(attack, {
        images: batch.images(),
        labels: batch.labels,
        random: batch.random('start'),
        scale: (1 + batch.progress) / 2,
      })
      return { inputs: images }
    },
  }
  const host = await trainedBy(phaseOf(attack), 'host')
  const device = await trainedBy(within, 'device')
  expect(device.batchesPerRun).toBe(1)
  device.losses.forEach((loss, i) => expect(loss).toBeCloseTo(host.losses[i]!, 4))
})

test('a training in runs of several batches has every step of each epoch', async () => {
  const phase = phaseOf(attacks[1]![1])
  const train = (stepping: 'host' | 'device'): ReturnType<typeof runTraining> =>
    runTraining(
      { phases: [phase], model: (m, images) => m.apply(classifier, [images]) },
      {
        data,
        epochs: 2,
        batchSize: 20,
        validation: 20,
        threatModel: linf,
        seed: 3,
        threads: 1,
        identity: 'device steps',
        stepping,
        progress: ({ step, steps }) => seen.push(`${step}/${steps}`),
      },
    )
  const seen: string[] = []
  const host = await train('host')
  expect(seen.splice(0)).toHaveLength(22)
  const device = await train('device')
  // 11 steps an epoch: 4 together, twice, and 3 alone.
  expect(seen).toEqual(['4/11', '8/11', '11/11', '4/11', '8/11', '11/11'])
  device.epochs.forEach((epoch, i) => {
    expect(epoch.loss).toBeCloseTo(host.epochs[i]!.loss, 3)
    expect(epoch.accuracy).toBeCloseTo(host.epochs[i]!.accuracy, 2)
  })
})
