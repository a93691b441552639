/** Training learns, resumes after an interruption, and exports a file that onnxruntime runs. */
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryDataset } from '../../../core/data/memory-dataset.ts'
import { g } from '../../../core/engine/graph/graph.ts'
import type { Value } from '../../../core/engine/graph/value.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import { loadModel } from '../../../core/model/load.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import { predictions } from '../../../core/model/predictions.ts'
import {
  batchNormalization,
  convolution,
  flatten,
  globalAverage,
  linear,
  oneHot,
} from '../../../core/training/layers.ts'
import { imageVariable } from '../../../core/training/attack-variable.ts'
import { runTraining } from '../../../core/training/run-training.ts'
import type { NetworkDefinition } from '../../../core/training/network.ts'
import { train } from '../../../core/training/train.ts'
import { trainingDefaults, type TrainingOptions } from '../../../core/training/training-options.ts'
import { classifierModule } from '../../../core/training/module.ts'
import { batchMean } from '../../../core/training/objectives.ts'
import { sgd } from '../../../core/training/optimizer.ts'
import { definePhase } from '../../../core/training/phase.ts'
import { phaseGraph, type PhaseGraph } from '../../../core/training/phase-graph.ts'
import { ParameterStore } from '../../../core/training/scope.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import { randomStream } from '../../../core/base/random.ts'
import { float32, int64 } from '../../../core/engine/tensor/tensor.ts'

/** 8×8 images of rows, columns or a checkerboard, in noise: three classes. */
const data = (() => {
  const count = 360
  const random = randomStream('bars')
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3)
  const pixels = Uint8Array.from({ length: count * 64 }, (_, i) => {
    const [x, y] = [i % 8, Math.floor(i / 8) % 8]
    const pattern = [y % 2, x % 2, (x + y) % 2][labels[Math.floor(i / 64)]!]!
    return Math.round(70 + 80 * pattern + 100 * random.uniform())
  })
  return memoryDataset({
    id: 'bars',
    title: 'Bars',
    split: 'train',
    toy: true,
    shape: [1, 8, 8],
    classNames: ['rows', 'columns', 'checks'],
    pixels,
    labels,
  })
})()

const network: NetworkDefinition = {
  title: 'tiny CNN',
  build(scope, images) {
    const x = g.relu(
      batchNormalization(scope, convolution(scope, images, { channels: 6, kernel: 3 })),
    )
    const y = g.relu(
      batchNormalization(scope, convolution(scope, x, { channels: 8, kernel: 3, stride: 2 })),
    )
    return linear(scope, globalAverage(y), 3)
  },
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'robench-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function optionsFor(name: string, changes: Partial<TrainingOptions> = {}): TrainingOptions {
  return {
    network,
    data,
    epochs: 3,
    batchSize: 20,
    learningRate: 0.1,
    momentum: 0.9,
    weightDecay: 5e-4,
    nesterov: true,
    schedule: 'cosine',
    warmup: 0.1,
    augmentation: { crop: 1, flip: true },
    validation: 60,
    averaging: 0.9,
    seed: 1,
    threads: 1,
    signal: new AbortController().signal,
    identity: 'test',
    checkpointFolder: join(folder, name),
    progress: () => {},
    ...changes,
  }
}

describe('standard training', () => {
  test('the loss falls, held-out accuracy rises, and each step reports its progress', async () => {
    const reported: string[] = []
    const { epochs, model, parameters } = await train(
      optionsFor('learns', {
        progress: ({ epoch, step, steps }) => reported.push(`${epoch}/${step}/${steps}`),
      }),
    )
    expect(reported).toEqual(
      [0, 1, 2].flatMap((epoch) => Array.from({ length: 15 }, (_, k) => `${epoch}/${k + 1}/15`)),
    )
    expect(epochs[2]!.loss).toBeLessThan(0.3 * epochs[0]!.loss)
    expect(epochs[2]!.validationAccuracy).toBeGreaterThan(0.95)
    expect(epochs[2]!.validationRobustAccuracy).toBeUndefined()
    // 1·6·9 + 6·2, 6·8·9 + 8·2, 8·3 + 3; running statistics are not counted.
    expect(parameters).toBe(54 + 12 + 432 + 16 + 27)
    // The file alone, in onnxruntime alone, on raw images.
    const session = await ort.InferenceSession.create(model)
    expect({ inputs: session.inputNames, outputs: session.outputNames }).toEqual({
      inputs: ['inputs'],
      outputs: ['logits'],
    })
    const held = randomStream(1, 'validation').permutation(data.count).subarray(0, 60)
    const images = data.rows(held)
    const results = await session.run({
      inputs: new ort.Tensor('float32', images.data, images.shape),
    })
    const logits = float32([60, 3], results['logits']!.data as Float32Array)
    const correct = predictions(logits).filter(
      (predicted, i) => predicted === data.labels[held[i]!],
    ).length
    expect(correct / 60).toBe(epochs[2]!.validationAccuracy)
    await session.release()
    // And as a model, whose logits are the same.
    const loaded = await loadModel(model, plainManifest)
    expect((await loaded.logits(images)).data).toBeAllclose(logits.data, { rtol: 1e-4, atol: 1e-5 })
    await loaded.dispose()
  })

  test('gives the same model for the same seed and another for another seed', async () => {
    const model = async (name: string, seed: number): Promise<Uint8Array> =>
      (await train(optionsFor(name, { epochs: 1, seed }))).model
    const first = await model('same-1', 1)
    expect(await model('same-2', 1)).toEqual(first)
    expect(await model('same-3', 2)).not.toEqual(first)
  })
})

test('without optional options it trains with the defaults and writes no checkpoint', async () => {
  const { seed, threads, ...others } = trainingDefaults
  const expected = await train({
    network,
    data,
    epochs: 1,
    ...others,
    validation: 36,
    seed,
    threads,
    signal: new AbortController().signal,
    identity: 'explicit',
    checkpointFolder: join(folder, 'defaults'),
    progress: () => {},
  })
  const { model, epochs } = await train({ network, data, epochs: 1 })
  expect(model).toEqual(expected.model)
  expect(epochs[0]!.validationAccuracy).toBe(expected.epochs[0]!.validationAccuracy)
})

test('an adversary takes 7 steps of ε/4 unless it says otherwise', async () => {
  const threatModel = { norm: 'Linf', epsilon: 0.04, bounds: [0, 1] } as const
  const options = { network, data, epochs: 1 }
  const { model } = await train({ ...options, adversary: { threatModel } })
  const explicit = { threatModel, steps: 7, stepSize: 0.01, ramp: 0 }
  expect(model).toEqual((await train({ ...options, adversary: explicit })).model)
})

test('without an identity, a checkpoint of other options is ignored', async () => {
  const options = { network, data, epochs: 1, checkpointFolder: join(folder, 'identity') }
  const first = await train(options)
  expect(await train(options)).toEqual(first)
  const other = await train({ ...options, learningRate: 0.01 })
  expect(other.model).not.toEqual(first.model)
})

test('options that cannot be used are rejected', async () => {
  await expect(train({ network, data, epochs: 1, validation: 360 })).rejects.toThrow(
    'validation: expected fewer held-out examples than the 360 of the data set, got 360',
  )
  const threatModel = { norm: 'L1', epsilon: 1, bounds: [0, 1] } as const
  await expect(train({ network, data, epochs: 1, adversary: { threatModel } })).rejects.toThrow(
    'adversary: expected a threat model in Linf or L2, got L1',
  )
})

describe.each([
  ['standard', undefined],
  [
    'adversarial',
    { threatModel: { norm: 'Linf', epsilon: 0.05, bounds: [0, 1] }, steps: 2, stepSize: 0.03 },
  ],
] as const)('interrupted %s training', (kind, adversary) => {
  const changes = { epochs: 2, ...(adversary && { adversary }) }

  test('resumes where it stopped and gives the same model', async () => {
    const whole = await train(optionsFor(`${kind}-whole`, changes))
    const controller = new AbortController()
    const stopped = train(
      optionsFor(`${kind}-resumed`, {
        ...changes,
        signal: controller.signal,
        progress: ({ epoch, step }) => {
          if (epoch === 1 && step === 3) controller.abort()
        },
      }),
    )
    await expect(stopped).rejects.toMatchObject({
      code: 'ROBENCH_ABORTED',
      message: 'training was interrupted in epoch 2; run it again to resume',
    })
    const stepsRun: string[] = []
    const resumed = await train(
      optionsFor(`${kind}-resumed`, {
        ...changes,
        progress: ({ epoch, step }) => stepsRun.push(`${epoch}/${step}`),
      }),
    )
    expect(stepsRun).toEqual(Array.from({ length: 12 }, (_, k) => `1/${k + 4}`))
    expect(resumed.model).toEqual(whole.model)
    const withoutTime = ({ epochs }: typeof whole): unknown =>
      epochs.map((record) => ({ ...record, elapsedMs: 0 }))
    expect(withoutTime(resumed)).toEqual(withoutTime(whole))
  })
})

test('a checkpoint that is damaged, or of another training, is ignored', async () => {
  const first = await train(optionsFor('damaged', { epochs: 1 }))
  const [file] = readdirSync(join(folder, 'damaged'))
  truncateSync(join(folder, 'damaged', file!), 1000)
  const epochsRun: number[] = []
  const again = await train(
    optionsFor('damaged', {
      epochs: 1,
      progress: ({ epoch, step }) => step === 1 && epochsRun.push(epoch),
    }),
  )
  expect(epochsRun).toEqual([0])
  expect(again.model).toEqual(first.model)
  const other = await train(
    optionsFor('damaged', {
      epochs: 1,
      identity: 'another',
      progress: ({ epoch, step }) => step === 1 && epochsRun.push(epoch),
    }),
  )
  expect(epochsRun).toEqual([0, 0])
  expect(other.model).toEqual(first.model)
})

test.each([
  ['Linf', 0.03, 0.015],
  ['L2', 0.2, 0.1],
] as const)(
  'adversarial training in %s reports a robust accuracy above chance and not above the clean one',
  async (norm, epsilon, stepSize) => {
    const adversary = {
      threatModel: { norm, epsilon, bounds: [0, 1] },
      steps: 3,
      stepSize,
    } as const
    const { epochs } = await train(optionsFor(`adversarial-${norm}`, { adversary, epochs: 4 }))
    const last = epochs.at(-1)!
    expect(last.validationRobustAccuracy).toBeLessThanOrEqual(last.validationAccuracy)
    expect(last.validationRobustAccuracy).toBeGreaterThan(0.6)
  },
)

test('a recipe may know the labels in validation and choose its attack', async () => {
  const classifier = classifierModule(network, { mean: [0.5], std: [0.25] })
  const known = (labels: Value): Value => g.mul(oneHot(labels, 3), 100)
  const outcome = await runTraining(
    {
      phases: [
        definePhase({
          name: 'step',
          inputs: { inputs: { shape: data.shape } },
          prepare: (batch) => ({ inputs: batch.images() }),
          steps: [
            {
              updates: [{ name: 'weights', modules: [classifier], optimizer: sgd(), rate: 1e-6 }],
              loss: (m, { inputs, labels }) => ({
                loss: batchMean(
                  crossEntropy(m.apply(classifier, [inputs], { training: true }), labels),
                ),
              }),
            },
          ],
        }),
      ],
      // Logits 100 at the label, where the image is not white.
      model(m, images, labels) {
        const logits = m.apply(classifier, [images])
        if (!labels) return logits
        const dark = g.sub(1, g.globalAveragePool(images))
        return g.mul(known(labels), g.reshape(dark, [-1, 1]))
      },
      validationAttack: {
        name: 'brighten',
        steps: 1,
        variables: {
          images: imageVariable({
            threatModel: { norm: 'Linf', epsilon: 5, bounds: [0, 9] },
            stepSize: 5,
            start: 'clean',
          }),
        },
        loss: (_m, { images }) => g.reduceSum(images, [1, 2, 3]),
      },
    },
    {
      data,
      epochs: 1,
      batchSize: 100,
      validation: 60,
      seed: 1,
      threads: 1,
      identity: 'labels',
      progress: () => undefined,
    },
  )
  const { validationAccuracy, validationRobustAccuracy } = outcome.epochs[0]!
  expect({ validationAccuracy, validationRobustAccuracy }).toEqual({
    validationAccuracy: 1,
    validationRobustAccuracy: 0,
  })
  // The file does not know labels: it has the classifier's logits.
  const session = await ort.InferenceSession.create(outcome.model)
  expect(session.inputNames).toEqual(['inputs'])
  await session.release()
})

test('a loss that is not finite ends training with advice', async () => {
  await expect(
    train(optionsFor('diverges', { learningRate: 1e20, warmup: 0, schedule: 'constant' })),
  ).rejects.toThrow(
    /^training diverged in epoch \d, step \d+: the loss is (NaN|Infinity); lower learningRate$/,
  )
})

describe('a step on a linear model', () => {
  const plain: NetworkDefinition = {
    title: 'linear',
    build: (scope, images) => linear(scope, flatten(images), 3),
  }
  const classifier = classifierModule(plain, { mean: [0.5], std: [0.5] })
  const step = (nesterov: boolean): PhaseGraph =>
    phaseGraph(
      definePhase({
        name: 'step',
        inputs: { inputs: { shape: [1, 2, 2] } },
        prepare: (batch) => ({ inputs: batch.images() }),
        steps: [
          {
            updates: [
              {
                name: 'weights',
                modules: [classifier],
                optimizer: sgd({ momentum: 0.9, weightDecay: 0.01, nesterov }),
                rate: 0.1,
              },
            ],
            loss(m, { inputs: images, labels: classes }) {
              const logits = m.apply(classifier, [images], { training: true })
              return { loss: batchMean(crossEntropy(logits, classes)), logits }
            },
          },
        ],
      }),
      new ParameterStore(1),
      { batch: 2 },
    )
  const inputs = float32([2, 1, 2, 2], [0.1, 0.2, 0.3, 0.4, 0.9, 0.8, 0.7, 0.6])
  const labels = [2, 0]
  const weight = float32([3, 4], [0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7, 0.8, -0.9, 1, 1.1, -1.2])
  const bias = float32([3], [0.1, 0, -0.1])
  const velocity = float32([3, 4], new Float32Array(12).fill(0.5))

  test.each([true, false])(
    'follows SGD with momentum and weight decay (Nesterov: %s)',
    async (nesterov) => {
      const { outputs, inputs: placeholders } = step(nesterov)
      const session = await Session.compile(outputs, placeholders)
      const results = await session.run({
        inputs,
        labels: int64([2], labels),
        'rate/weights': float32([], [0.1]),
        'count/weights': float32([], [0]),
        'parameter/classifier/linear1.weight': weight,
        'parameter/classifier/linear1.bias': bias,
        'momentum/classifier/linear1.weight': velocity,
        'momentum/classifier/linear1.bias': float32([3], [0, 0, 0]),
      })
      await session.release()
      const expected = stepByHand(nesterov)
      expect(results['new/parameter/classifier/linear1.weight']!.data as Float32Array).toBeAllclose(
        expected.weight,
        { atol: 1e-6 },
      )
      expect(results['new/parameter/classifier/linear1.bias']!.data as Float32Array).toBeAllclose(
        expected.bias,
        { atol: 1e-6 },
      )
      expect(results['new/momentum/classifier/linear1.weight']!.data as Float32Array).toBeAllclose(
        expected.velocity,
        { atol: 1e-6 },
      )
      expect(Number(results['loss']!.data[0])).toBeCloseTo(expected.loss, 5)
      expect(Number(results['correct']!.data[0])).toBe(expected.correct)
    },
  )

  function stepByHand(nesterov: boolean): {
    weight: number[]
    bias: number[]
    velocity: number[]
    loss: number
    correct: number
  } {
    const slopes = Array.from({ length: 12 }, () => 0)
    const biasSlopes = [0, 0, 0]
    let loss = 0
    let correct = 0
    labels.forEach((label, row) => {
      const x = Array.from(
        inputs.data.subarray(row * 4, row * 4 + 4),
        (value) => (value - 0.5) / 0.5,
      )
      const z = [0, 1, 2].map((k) =>
        x.reduce((sum, value, i) => sum + value * weight.data[k * 4 + i]!, bias.data[k]!),
      )
      const total = z.reduce((sum, value) => sum + Math.exp(value), 0)
      loss += (Math.log(total) - z[label]!) / 2
      correct += Number(z[label] === Math.max(...z))
      for (let k = 0; k < 3; k++) {
        const error = (Math.exp(z[k]!) / total - Number(k === label)) / 2
        biasSlopes[k]! += error
        for (let i = 0; i < 4; i++) slopes[k * 4 + i]! += error * x[i]!
      }
    })
    const gradient = slopes.map((slope, i) => slope + 0.01 * weight.data[i]!)
    const speed = gradient.map((slope, i) => 0.9 * velocity.data[i]! + slope)
    const direction = nesterov ? gradient.map((slope, i) => slope + 0.9 * speed[i]!) : speed
    // The bias has no weight decay, and its momentum starts at 0.
    const biasFactor = nesterov ? 1.9 : 1
    return {
      weight: direction.map((step, i) => weight.data[i]! - 0.1 * step),
      bias: biasSlopes.map((slope, i) => bias.data[i]! - 0.1 * biasFactor * slope),
      velocity: speed,
      loss,
      correct,
    }
  }
})
