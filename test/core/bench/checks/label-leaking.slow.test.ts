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
import { Session } from '../../../../core/engine/graph/session.ts'
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
import { scheduleFactor } from '../../../../core/training/schedule.ts'
import {
  attackGraph,
  exportModel,
  initialParameters,
  stepGraph,
} from '../../../../core/training/training-graph.ts'
import type { TrainedNetwork, Weights } from '../../../../core/training/training-graph.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { float32, gatherRows, int64 } from '../../../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { probeContext, probeFile, raised } from './support.ts'

const epsilon = 32 / 255
const examples = embeddedDataset('test')
const threatModel = { norm: 'Linf', epsilon, bounds: [0, 1] } as const
const batch = 64
const baseRate = 0.1
const seed = 0

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

const trained: TrainedNetwork = {
  network,
  inputShape: [3, 32, 32],
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  seed,
}

/**
 * Trains on batches whose second half is attacked by one step of length ε from the input, along the
 * sign of the gradient for the true label (Kurakin, Goodfellow, Bengio 2017, arXiv:1611.01236,
 * algorithm 1). The first epochs use only clean examples, because a network that starts with
 * attacked ones may stay at chance level. `train` of core/training always starts its attack at a
 * random point, so the loop is written out here.
 */
async function trainOneStep(
  data: Dataset,
  { epochs, cleanEpochs }: { readonly epochs: number; readonly cleanEpochs: number },
): Promise<Uint8Array> {
  const parameters = initialParameters(trained)
  const state = new Map<string, FloatTensor>()
  for (const { name, initial, trainable } of parameters) {
    state.set(`parameter/${name}`, initial)
    const still = new Float32Array(initial.data.length)
    if (trainable) state.set(`momentum/${name}`, float32(initial.shape, still))
  }
  const weights = (): Weights =>
    new Map(parameters.map(({ name }) => [name, state.get(`parameter/${name}`)!]))
  const optimizer = { momentum: 0.9, weightDecay: 0, nesterov: true }
  const graph = stepGraph(trained, batch, optimizer)
  const step = await Session.compile(graph.outputs, graph.inputs, { threads: 1 }, 'step')
  const slope = attackGraph(trained)
  const attack = await Session.compile(slope.outputs, [...slope.inputs, ...slope.weights])
  const steps = Math.floor(data.count / batch)
  for (let k = 0; k < epochs * steps; k++) {
    const epoch = Math.floor(k / steps)
    const order = randomStream(seed, 'order', epoch).permutation(data.count)
    const rows = order.subarray((k % steps) * batch, ((k % steps) + 1) * batch)
    const inputs = data.rows(rows)
    const labels = Int32Array.from(rows, (row) => data.labels[row]!)
    if (epoch >= cleanEpochs) await attackSecondHalf(attack, state, inputs, labels)
    const rate = baseRate * scheduleFactor('one-cycle', k / (epochs * steps))
    const outputs = await step.run(
      {
        inputs,
        labels: int64([batch], labels),
        rate: float32([], [rate]),
        ...Object.fromEntries(state),
      },
      'step',
    )
    for (const name of state.keys()) {
      state.set(name, (outputs[`new/${name}`] ?? state.get(name)) as FloatTensor)
    }
  }
  await Promise.all([step.release(), attack.release()])
  return exportModel(trained, weights())
}

/** Changes `inputs` in place. */
async function attackSecondHalf(
  session: Session,
  weights: ReadonlyMap<string, FloatTensor>,
  inputs: FloatTensor,
  labels: Int32Array,
): Promise<void> {
  const half = Array.from({ length: batch / 2 }, (_, i) => batch / 2 + i)
  const outputs = await session.run(
    {
      ...Object.fromEntries(weights),
      inputs: gatherRows(inputs, half),
      labels: int64([half.length], labels.slice(batch / 2)),
    },
    'attack',
  )
  const slopes = outputs['gradient']!.data as Float32Array
  const attacked = inputs.data.subarray(slopes.length)
  slopes.forEach((slope, i) => {
    attacked[i] = Math.min(Math.max(attacked[i]! + epsilon * Math.sign(slope), 0), 1)
  })
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
  }, 600_000)
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
}, 600_000)
