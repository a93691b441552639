/** The inner attack's graphs agree with the exported model, for any weights. */
import { expect, test } from 'vitest'
import { randomStream } from '../../../core/base/random.ts'
import { memoryDataset } from '../../../core/data/memory-dataset.ts'
import { g } from '../../../core/engine/graph/graph.ts'
import { topologicalOrder } from '../../../core/engine/graph/value.ts'
import { readOnnx } from '../../../core/engine/onnx/file.ts'
import { float32, int64, type FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../core/model/load.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import { boxVariable, imageVariable } from '../../../core/training/attack-variable.ts'
import {
  innerAttackGraphs,
  runInnerAttack,
  type InnerAttack,
} from '../../../core/training/inner-attack.ts'
import {
  batchNormalization,
  convolution,
  globalAverage,
  linear,
} from '../../../core/training/layers.ts'
import { WeightedSession } from '../../../core/training/model-function.ts'
import { classifierModule } from '../../../core/training/module.ts'
import { batchMean, klDivergence } from '../../../core/training/objectives.ts'
import { sgd } from '../../../core/training/optimizer.ts'
import { definePhase } from '../../../core/training/phase.ts'
import { ParameterStore } from '../../../core/training/scope.ts'
import { Trainer } from '../../../core/training/trainer.ts'
import { randomTensor } from '../../support/onnx-file.ts'

const imageShape = [3, 8, 8] as const
const classifier = classifierModule(
  {
    title: 'tiny',
    build(scope, images) {
      const layer = (x: typeof images, channels: number, stride: number): typeof images =>
        g.relu(batchNormalization(scope, convolution(scope, x, { channels, kernel: 3, stride })))
      return linear(scope, globalAverage(layer(layer(images, 16, 1), 8, 2)), 4)
    },
  },
  { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] },
)
const threatModel = { norm: 'Linf', epsilon: 0.05, bounds: [0, 1] } as const
const attack: InnerAttack = {
  name: 'attack',
  steps: 3,
  variables: { images: imageVariable({ threatModel, stepSize: 0.02 }) },
  loss: (m, { images, labels }) => crossEntropy(m.apply(classifier, [images]), labels),
}
const data = memoryDataset({
  id: 'noise',
  title: 'Noise',
  split: 'train',
  toy: true,
  shape: [...imageShape],
  classNames: ['a', 'b', 'c', 'd'],
  pixels: Uint8Array.from({ length: 8 * 192 }, (_, i) => (i * 37) % 256),
  labels: Int32Array.from({ length: 8 }, (_, i) => i % 4),
})

async function trainer(): Promise<Trainer> {
  const phase = definePhase({
    name: 'step',
    inputs: { inputs: { shape: imageShape } },
    prepare: (batch) => ({ inputs: batch.images() }),
    steps: [
      {
        updates: [{ name: 'weights', modules: [classifier], optimizer: sgd(), rate: 0.1 }],
        loss: (m, { inputs, labels }) => ({
          loss: batchMean(crossEntropy(m.apply(classifier, [inputs], { training: true }), labels)),
        }),
      },
    ],
  })
  const recipe = {
    phases: [phase],
    model: (m: Parameters<(typeof attack)['loss']>[0], images: Parameters<typeof g.relu>[0]) =>
      m.apply(classifier, [images]),
  }
  return Trainer.create({ recipe, data, batch: 4, seed: 3, threads: 1 })
}

/** Weights as after some training: statistics and scales differ from their initial values. */
function changed(
  weights: ReadonlyMap<string, FloatTensor>,
  seed: number,
): Map<string, FloatTensor> {
  const random = randomStream('weights', seed)
  return new Map(
    [...weights].map(([name, { shape, data: values }]) => [
      name,
      float32(
        shape,
        values.map((value) => value + 0.2 * random.uniform()),
      ),
    ]),
  )
}

test('the gradient is that of the exported model, for any weights', async () => {
  const trained = await trainer()
  const store = new ParameterStore(3)
  const { gradients } = innerAttackGraphs(attack, imageShape, store)
  const images = randomTensor([5, ...imageShape], 'inputs')
  const labels = Int32Array.of(0, 1, 2, 3, 0)
  const session = await WeightedSession.load(gradients, {}, 'attack')
  for (const seed of [1, 2]) {
    const weights = changed(trained.state.weights, seed)
    const outputs = await session.run(weights, {
      'variable/images': images,
      labels: int64([5], labels),
    })
    const model = await loadModel(trained.exportModel(weights), plainManifest)
    const { gradient } = await model.gradient(images, labels, crossEntropy)
    const largest = gradient.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    // Folded in another place: float32 rounding, relative to the largest slope.
    const tolerance = { rtol: 1e-4, atol: 1e-5 * largest }
    const found = outputs['gradient/images']!.data as Float32Array
    expect(found).toBeAllclose(gradient.data, tolerance)
    await model.dispose()
  }
  await Promise.all([session.release(), trained.release()])
})

test('the gradient has the operations of a network without batch normalization', () => {
  const { gradients } = innerAttackGraphs(attack, imageShape, new ParameterStore(3))
  const onImages = topologicalOrder(Object.values(gradients.outputs)).filter(
    ({ op, outputs }) =>
      op !== 'Input' && outputs[0]!.shape[0] === 'n' && outputs[0]!.shape.length > 2,
  )
  expect(onImages.map(({ op }) => op).join(' ')).toBe(
    'Sub Div Conv Relu Cast Conv Relu Cast GlobalAveragePool ' +
      'Reshape Reshape Where ConvTranspose Where Conv Div',
  )
})

test('the exported file takes raw images in any batch and has no batch normalization', async () => {
  const trained = await trainer()
  const graph = readOnnx(trained.exportModel(trained.state.weights), 'model')
  expect(graph.nodes.map(({ op }) => op).join(' ')).toBe(
    'Sub Div Conv Relu Conv Relu GlobalAveragePool Flatten Gemm Identity',
  )
  expect(graph.inputs).toEqual([{ name: 'inputs', dtype: 'float32', shape: ['n', 3, 8, 8] }])
  expect(graph.outputs).toEqual([{ name: 'logits', dtype: 'float32', shape: ['n', 4] }])
  await trained.release()
})

/** Records what the loss of a linear attack sees. */
async function ascend(
  variables: InnerAttack['variables'],
  slope: (name: string, step: number) => number,
  steps = 1,
): Promise<{ images: FloatTensor; feeds: Record<string, FloatTensor>[] }> {
  const feeds: Record<string, FloatTensor>[] = []
  const clean = float32([2, 1, 2, 2], [0, 0.2, 0.4, 0.6, 0.8, 1, 0.5, 0.1])
  const definition: InnerAttack = {
    name: 'by hand',
    steps,
    variables,
    loss: (_m, { images }) => images,
  }
  const { images } = await runInnerAttack(
    definition,
    {
      gradients: (given) => {
        const names = Object.keys(variables)
        feeds.push(
          Object.fromEntries(
            names.map((name) => {
              const { shape, data: values } = given[`variable/${name}`] as FloatTensor
              return [name, float32(shape, values.slice())]
            }),
          ),
        )
        return Promise.resolve(
          Object.fromEntries(
            names.map((name) => {
              const { shape, data: values } = given[`variable/${name}`] as FloatTensor
              return [
                `gradient/${name}`,
                float32(
                  shape,
                  values.map(() => slope(name, feeds.length - 1)),
                ),
              ]
            }),
          ),
        )
      },
      reference: undefined,
      perturbed: undefined,
    },
    { images: clean, labels: Int32Array.of(0, 1), random: randomStream('start') },
  )
  return { images, feeds }
}

test('steps in Linf move by the sign and end in the ball and the bounds', async () => {
  const images = imageVariable({ threatModel, stepSize: 0.04, start: 'clean' })
  const found = await ascend({ images }, () => 3, 2)
  const expected = [0.05, 0.25, 0.45, 0.65, 0.85, 1, 0.55, 0.15]
  expect(found.images.data).toBeAllclose(expected, { atol: 1e-7 })
})

test('steps in L2 move by a unit vector and end in the ball', async () => {
  const ball = { norm: 'L2', epsilon: 0.1, bounds: [0, 1] } as const
  const images = imageVariable({ threatModel: ball, stepSize: 0.08, start: 'clean' })
  // The gradient has four equal components: each moves by 0.08 / 2, then by 0.1 / 2 in all. In the
  // second image a pixel stays at 1, so (2, 1, 2, 2) · 0.04 is scaled to length 0.1.
  const found = await ascend({ images }, () => 3, 2)
  const moved = 0.2 / Math.sqrt(13)
  const expected = [0.05, 0.25, 0.45, 0.65, 0.8 + moved, 1, 0.5 + moved, 0.1 + moved]
  expect(found.images.data).toBeAllclose(expected, { atol: 1e-6 })
})

test('with momentum, a step follows the decayed sum of gradients of unit L1 norm', async () => {
  const images = imageVariable({ threatModel, stepSize: 0.01, start: 'clean', momentum: 0.5 })
  // Each example has four equal components, so a gradient counts ±1/4, whatever its size. The sums
  // 1, 1.5, −0.25, 0.875 (times 1/4) have the signs +, +, −, +.
  const slopes = [100, 0.01, -1, 5]
  const expected = [0.51, 0.52, 0.51, 0.52]
  const found = await ascend({ images }, (_, step) => slopes[step]!, 4)
  const seen = [...found.feeds.slice(1).map(({ images: value }) => value!), found.images]
  expect(seen.map(({ data: values }) => values[6])).toBeAllclose(expected, { atol: 1e-6 })
  // A second run does not continue the first.
  const again = await ascend({ images }, () => -1, 1)
  expect(again.images.data[6]).toBeCloseTo(0.49, 6)
})

test('one step of 1.25 ε from a uniform start moves at least ε/4 along the gradient', async () => {
  const images = imageVariable({ threatModel, stepSize: 1.25 * threatModel.epsilon })
  const { images: moved } = await ascend({ images }, () => 1)
  // Pixel 6 of 0.5 is away from the bounds; the start is at least 0.5 − ε, so the end is at least
  // 0.5 + 0.25 ε and at most 0.5 + ε.
  expect(moved.data[6]).toBeGreaterThanOrEqual(0.5 + 0.25 * 0.05 - 1e-7)
  expect(moved.data[6]).toBeLessThanOrEqual(0.5 + 0.05 + 1e-7)
})

test('a uniform start in L2 fills the ball: its radius has the mean d/(d + 1)', () => {
  const ball = { norm: 'L2', epsilon: 0.2, bounds: [-9, 9] } as const
  const variable = imageVariable({ threatModel: ball, stepSize: 0.1 })
  const count = 4000
  const clean = float32([count, 1, 1, 3], new Float32Array(3 * count))
  const start = variable.start(clean, randomStream('ball'), 1)
  let sum = 0
  let largest = 0
  for (let row = 0; row < count; row++) {
    const radius = Math.hypot(...start.data.subarray(3 * row, 3 * row + 3))
    sum += radius
    largest = Math.max(largest, radius)
  }
  expect(largest).toBeLessThanOrEqual(0.2 + 1e-7)
  // Deviation of the radius 0.039·ε/0.2, so five standard errors of the mean are 0.0031.
  expect(Math.abs(sum / count - 0.15)).toBeLessThan(0.0031)
})

test('a box variable starts at its neutral values and stays in the box', async () => {
  const attributes = boxVariable({
    low: [-10, 0.8],
    high: [10, 1.5],
    stepSizes: [4, 0.4],
    neutral: [0, 1],
    start: 'neutral',
  })
  const images = imageVariable({ threatModel, stepSize: 0, start: 'clean' })
  const { feeds } = await ascend({ images, attributes }, () => 1, 4)
  expect(feeds.map(({ attributes: value }) => Array.from(value!.data.subarray(0, 2)))).toEqual(
    [
      [0, 1],
      [4, 1.4],
      [8, 1.5],
      [10, 1.5],
    ].map(([angle, factor]) => [angle, Math.fround(factor!)]),
  )
})

test('a loss with a reference sees its value at the clean images', async () => {
  const store = new ParameterStore(3)
  const distance: InnerAttack = {
    ...attack,
    reference: (m, clean) => m.apply(classifier, [clean]),
    loss: (m, { images, reference }) => klDivergence(reference!, m.apply(classifier, [images])),
  }
  const graphs = innerAttackGraphs(distance, imageShape, store)
  const clean = randomTensor([2, ...imageShape], 'clean')
  const weights = store.initial
  const load = (graph: typeof graphs.gradients): Promise<WeightedSession> =>
    WeightedSession.load(graph, {}, 'attack')
  const reference = await load(graphs.reference!)
  const { reference: logits } = await reference.run(weights, { clean })
  const gradients = await load(graphs.gradients)
  const labels = int64([2], [0, 1])
  // KL(p‖p) has its minimum, gradient 0, at the clean image.
  const there = await gradients.run(weights, {
    'variable/images': clean,
    reference: logits!,
    labels,
  })
  expect(there['gradient/images']!.data as Float32Array).toBeAllclose(new Float32Array(2 * 192), {
    atol: 1e-6,
  })
  const moved = float32(
    clean.shape,
    clean.data.map((value, i) => value + (i % 3) * 0.1),
  )
  const away = await gradients.run(weights, {
    'variable/images': moved,
    reference: logits!,
    labels,
  })
  const slopes = away['gradient/images']!.data as Float32Array
  expect(slopes.reduce((most, value) => Math.max(most, Math.abs(value)), 0)).toBeGreaterThan(1e-4)
  await Promise.all([reference.release(), gradients.release()])
})
