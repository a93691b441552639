/**
 * A defense that is trained to be broken: one-step adversarial training, which leads to label
 * leaking.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { projectedGradient } from '../../../../plugins/attacks/gradient/projected-gradient.ts'
import { overallVerdict } from '../../../../core/bench/checks/check.ts'
import { probeSample } from '../../../../core/bench/checks/run-probes.ts'
import type { Dataset } from '../../../../core/data/dataset.ts'
import { embeddedDataset } from '../../../../core/data/embedded.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { loadModel } from '../../../../core/model/load.ts'
import { plainManifest } from '../../../../core/model/manifest.ts'
import type { Model } from '../../../../core/model/model.ts'
import { predictions } from '../../../../core/model/predictions.ts'
import {
  batchNormalization,
  convolution,
  flatten,
  linear,
} from '../../../../core/training/layers.ts'
import type { NetworkDefinition } from '../../../../core/training/network.ts'
import { imageVariable } from '../../../../core/training/attack-variable.ts'
import type { InnerAttack } from '../../../../core/training/inner-attack.ts'
import { classifierModule } from '../../../../core/training/module.ts'
import { batchMean } from '../../../../core/training/objectives.ts'
import { sgd } from '../../../../core/training/optimizer.ts'
import { definePhase } from '../../../../core/training/phase.ts'
import { runTraining } from '../../../../core/training/run-training.ts'
import { crossEntropy } from '../../../../core/model/losses.ts'
import { gatherRows } from '../../../../core/engine/tensor/tensor.ts'
import { probeContext, probeFile, raised } from './support.ts'

const epsilon = 32 / 255
const examples = embeddedDataset('test')
const threatModel = { norm: 'Linf', epsilon, bounds: [0, 1] } as const
const batch = 64
const baseRate = 0.1
// With seed 0 the network stays robust to a quarter step: whether labels leak is a matter of chance.
const seed = 1

const network: NetworkDefinition = {
  title: 'CNN of two convolutions',
  build(scope, images) {
    let x = images
    for (const [channels, stride] of [
      [16, 1],
      [32, 2],
    ] as const) {
      const convolved = convolution(scope, x, { channels, kernel: 3, stride })
      x = g.relu(batchNormalization(scope, convolved))
    }
    return linear(scope, g.relu(linear(scope, flatten(x), 128)), 10)
  },
}

/**
 * Trains on batches whose second half is attacked by one step of length ε from the input, along the
 * sign of the gradient for the true label (Kurakin, Goodfellow, Bengio 2017, arXiv:1611.01236,
 * algorithm 1). The first epochs use only clean examples, because a network that starts with
 * attacked ones may stay at chance level.
 */
async function trainOneStep(
  data: Dataset,
  { epochs, cleanEpochs }: { readonly epochs: number; readonly cleanEpochs: number },
): Promise<Uint8Array> {
  const third = [0.5, 0.5, 0.5]
  const classifier = classifierModule(network, { mean: third, std: third.map((x) => x / 2) })
  const attack: InnerAttack = {
    name: 'one step',
    steps: 1,
    variables: { images: imageVariable({ threatModel, stepSize: epsilon, start: 'clean' }) },
    loss: (m, { images, labels }) => crossEntropy(m.apply(classifier, [images]), labels),
  }
  const phase = definePhase({
    name: 'half attacked',
    inputs: { inputs: { shape: data.shape } },
    async prepare(current) {
      const inputs = current.images()
      if (current.epoch < cleanEpochs) return { inputs }
      const half = Array.from({ length: batch / 2 }, (_, i) => batch / 2 + i)
      const { images: attacked } = await current.attack(attack, {
        images: gatherRows(inputs, half),
        labels: current.labels.slice(batch / 2),
        random: current.random('start'),
      })
      inputs.data.set(attacked.data, inputs.data.length / 2)
      return { inputs }
    },
    steps: [
      {
        updates: [
          {
            name: 'weights',
            modules: [classifier],
            optimizer: sgd({ momentum: 0.9, nesterov: true }),
            rate: baseRate,
            schedule: 'one-cycle',
          },
        ],
        loss(m, { inputs, labels }) {
          const logits = m.apply(classifier, [inputs], { training: true })
          return { loss: batchMean(crossEntropy(logits, labels)), logits }
        },
      },
    ],
  })
  const { model } = await runTraining(
    { phases: [phase], model: (m, images) => m.apply(classifier, [images]) },
    {
      data,
      epochs,
      batchSize: batch,
      validation: 0,
      seed,
      threads: 1,
      identity: 'one step',
      progress: () => {},
    },
  )
  return model
}

/**
 * Accuracy on the first 200 test examples: clean without steps, or under an attack with this many
 * steps.
 */
async function accuracy(
  model: Model,
  steps: number,
  stepSize: number,
  randomStart: boolean,
): Promise<number> {
  const context = await probeContext(model, examples, 200, { threatModel })
  const clean = predictions(await model.logits(context.inputs))
  const right = [...clean.keys()].filter((row) => clean[row] === context.labels[row])
  if (steps === 0) return right.length / 200
  const inputs = gatherRows(context.inputs, right)
  const labels = Int32Array.from(right, (row) => context.labels[row]!)
  const { rng, batchSize, signal } = context
  const reference = { count: 0, select: () => ({ inputs, labels }) }
  const adversarial = await projectedGradient(
    { model, inputs, labels, threatModel, reference, rng, batchSize, signal, progress: () => {} },
    {
      steps,
      stepSize,
      randomStart,
      restarts: 1,
      loss: 'cross-entropy',
      goal: 'untargeted',
      target: 'least-likely',
    },
  )
  const found = predictions(await model.logits(adversarial))
  return found.filter((predicted, row) => predicted === labels[row]).length / 200
}

describe('trained on one-step examples', () => {
  let bytes: Uint8Array
  let model: Model
  beforeAll(async () => {
    bytes = await trainOneStep(embeddedDataset('train'), { epochs: 12, cleanEpochs: 2 })
    model = await loadModel(bytes, plainManifest)
  })
  afterAll(() => model.dispose())

  test('the network resists one step, but not many steps or a quarter step', async () => {
    const clean = await accuracy(model, 0, 0, false)
    const oneStep = await accuracy(model, 1, epsilon, false)
    const quarterStep = await accuracy(model, 1, epsilon / 4, false)
    const manySteps = await accuracy(model, 20, epsilon / 4, true)
    expect(clean).toBeGreaterThan(0.8)
    expect(oneStep).toBeGreaterThan(0.5)
    expect(quarterStep).toBeLessThan(0.5 * oneStep)
    expect(manySteps).toBeLessThan(0.05)
  })

  test('it is detected as label leaking', async () => {
    const checks = await probeFile(bytes, examples, probeSample, { threatModel })
    expect(raised(checks)).toContain('no-label-leaking')
    expect(overallVerdict(checks)).not.toBe('pass')
  })
})

test('the same network trained on clean examples leaks nothing', async () => {
  const bytes = await trainOneStep(embeddedDataset('train'), { epochs: 4, cleanEpochs: 4 })
  const checks = await probeFile(bytes, examples, probeSample, { threatModel })
  expect(checks.find(({ id }) => id === 'no-label-leaking')?.verdict).toBe('pass')
})
