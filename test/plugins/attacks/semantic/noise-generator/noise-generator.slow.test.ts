/** The noise generator accepts images of any size, and training makes it effective. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attackLosses } from '../../../../../core/attack/attack-loss.ts'
import { rowOf, stackPoints } from '../../../../../core/attack/batch.ts'
import type { AttackTask } from '../../../../../core/attack/task.ts'
import { g } from '../../../../../core/engine/graph/graph.ts'
import type { Model } from '../../../../../core/model/model.ts'

import {
  generatorNoise,
  generatorNoiseCost,
} from '../../../../../plugins/attacks/semantic/noise-generator/perturbation.ts'
import { noiseGenerator } from '../../../../../plugins/attacks/semantic/noise-generator/network.ts'
import { LayerScope } from '../../../../../core/training/scope.ts'
import {
  trainNoiseGenerator,
  unitChannels,
} from '../../../../../plugins/attacks/semantic/noise-generator/training.ts'
import { randomStream } from '../../../../../core/base/random.ts'
import { float32 } from '../../../../../core/engine/tensor/tensor.ts'
import { compiledLinearModel, randomLinearClassifier } from '../../../../../core/testing/index.ts'
import { createBall } from '../../../../../core/threat/ball.ts'
import { referenceExamples } from '../../../../../core/threat/reference-examples.ts'
import { predictedTask, uniformInputs } from '../../../../support/attack-task.ts'

const shape = [1, 10, 12] as const
const size = 120
const count = 40
const options = { dimensions: 4, examples: 30, steps: 60, diversity: 0.5 }
let model: Model
let task: AttackTask

beforeAll(async () => {
  model = await compiledLinearModel(randomLinearClassifier(shape, 4, 2))
  task = await predictedTask({
    model,
    inputs: uniformInputs([count, ...shape], 'generator inputs'),
    threatModel: {
      norm: 'Linf',
      epsilon: 0.05,
      bounds: [0, 1],
      transform: { kind: 'attribute', ranges: { brightness: [-0.05, 0.05] } },
    },
  })
})
afterAll(async () => model.dispose())

test.each([
  [3, 32, 32],
  [1, 28, 28],
  [3, 5, 17],
])('%i channels, %i by %i: noise has the shape of the images', (...imageShape) => {
  const image = g.input('image', 'float32', ['n', ...imageShape])
  const latent = g.input('latent', 'float32', ['n', 8])
  const scope = new LayerScope({ training: false, seed: 0 })
  const noise = noiseGenerator(scope, { images: image, slopes: image, centers: image, latent })
  expect(noise.shape).toEqual(['n', ...imageShape])
})

test('channels of a gradient are scaled to unit length, and zero channels stay zero', () => {
  const gradient = float32([1, 2, 1, 2], [3, 4, 0, 0])
  expect(unitChannels(gradient).data).toBeAllclose([0.6, 0.8, 0, 0])
})

test('training raises the margin far above that of random signs, at the stated cost', async () => {
  const before = { ...model.passes }
  const weights = await trainNoiseGenerator(task, options)
  const source = await generatorNoise(task, { ...options, latentStep: 0.3 }, weights)
  const cost = generatorNoiseCost(options)
  expect(model.passes.forward - before.forward).toBe(cost.setup.forward + count * cost.forward)
  expect(model.passes.backward - before.backward).toBe(cost.setup.backward + count * cost.backward)
  const points: Float32Array[] = []
  const signs: Float32Array[] = []
  for (let row = 0; row < count; row++) {
    const ball = createBall(task.threatModel, rowOf(task.inputs, row))
    const noise = source.open(row)
    const output = new Float64Array(size)
    noise.begin(ball, randomStream('z', row))
    await noise.addTo(ball, output)
    for (let i = 0; i < size; i++) {
      expect(Math.abs(output[i]! - ball.center[i]!)).toBeLessThanOrEqual(0.05 + 1e-7)
    }
    const [point, random] = [new Float32Array(size), new Float32Array(size)]
    ball.project(output, point)
    points.push(point)
    const stream = randomStream('signs', row)
    ball.project(
      output.map((_, i) => ball.center[i]! + (stream.integer(2) === 0 ? -0.05 : 0.05)),
      random,
    )
    signs.push(random)
  }
  await source.release()
  const meanMargin = async (images: readonly Float32Array[]): Promise<number> => {
    const logits = await model.logits(stackPoints(images, shape))
    let sum = 0
    for (let row = 0; row < count; row++) {
      sum += attackLosses.margin.value(rowOf(logits, row), task.labels[row]!)
    }
    return sum / count
  }
  expect(await meanMargin(points)).toBeGreaterThan((await meanMargin(signs)) + 2)
})

test('training is deterministic and depends on the chosen examples only', async () => {
  const few = { ...options, steps: 3 }
  const first = await trainNoiseGenerator(task, few)
  const labels = task.labels.slice()
  labels[35] = (labels[35]! + 1) % 4
  const reference = referenceExamples(task.inputs, labels)
  const second = await trainNoiseGenerator({ ...task, reference }, few)
  expect([...second.keys()]).toEqual([...first.keys()])
  for (const [name, { data }] of first) expect(second.get(name)!.data).toEqual(data)
})
