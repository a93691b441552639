/** The attacks that TRN is trained on, by hand. */
import { expect, test } from 'vitest'
import { randomStream } from '../../../../core/base/random.ts'
import type { FloatTensor } from '../../../../core/engine/tensor/tensor.ts'
import { LinearModel, randomLinearClassifier } from '../../../../core/testing/index.ts'
import { crossEntropy } from '../../../../core/model/losses.ts'
import { runInnerAttack } from '../../../../core/training/inner-attack.ts'
import {
  trainingAttacks,
  type TrainingAttackName,
} from '../../../../plugins/defenses/trn/training-attacks.ts'
import { predictedLabels, uniformInputs } from '../../../support/attack-task.ts'

const epsilon = 0.1
const stepSize = 0.04
const bounds = [0, 1] as const
const model = new LinearModel(randomLinearClassifier([1, 4, 4], 3, 5))
const clean = uniformInputs([6, 1, 4, 4], 'attacked')
const labels = await predictedLabels(model, clean)
const gradientAt = async (x: FloatTensor): Promise<Float32Array> =>
  (await model.gradient(x, labels, crossEntropy)).gradient.data

const attacks = trainingAttacks((x) => x, {
  threatModel: { norm: 'Linf', epsilon, bounds },
  steps: 3,
  stepSize,
  ramp: 0,
  momentum: 0.7,
})

async function attack(name: TrainingAttackName, scale = 1): Promise<FloatTensor> {
  const gradients = async (feeds: object): Promise<Record<string, FloatTensor>> => {
    const x: FloatTensor = Reflect.get(feeds, 'variable/images')
    return { 'gradient/images': { ...x, data: await gradientAt(x) } }
  }
  const evaluate = { gradients, reference: undefined, perturbed: undefined }
  const run = { images: clean, labels, random: randomStream('start'), scale }
  return (await runInnerAttack(attacks[name]!, evaluate, run)).images
}

/** Signed steps in the ball, along μ·m + ∇/‖∇‖₁. */
async function stepsByHand(count: number, size: number, momentum = 0): Promise<Float32Array> {
  let x = clean
  const sums = new Float64Array(x.data.length)
  for (let step = 0; step < count; step++) {
    const slope = await gradientAt(x)
    const data = x.data.map((value, i) => {
      const row = slope.subarray(Math.floor(i / 16) * 16, Math.floor(i / 16) * 16 + 16)
      const length = row.reduce((sum, part) => sum + Math.abs(part), 0)
      sums[i] = momentum * sums[i]! + slope[i]! / length
      const moved = value + size * Math.sign(sums[i]!)
      const own = clean.data[i]!
      return Math.min(Math.max(moved, own - epsilon, 0), own + epsilon, 1)
    })
    x = { ...x, data }
  }
  return x.data
}

test('none is no attack', () => {
  expect(attacks.none).toBeUndefined()
})

test.each([
  ['fgsm', 1, epsilon, 0],
  ['bim', 3, stepSize, 0],
  ['mim', 3, stepSize, 0.7],
] as const)('%s takes %i steps of %f from the image', async (name, count, size, momentum) => {
  const { data } = await attack(name)
  expect(data).toBeAllclose(await stepsByHand(count, size, momentum), { atol: 1e-6 })
})

test('pgd takes its steps from a uniform start', async () => {
  const [bim, pgd] = [await attack('bim'), await attack('pgd')]
  expect(pgd.data).not.toEqual(bim.data)
  const lossAt = async (x: FloatTensor): Promise<number> =>
    (await model.gradient(x, labels, crossEntropy)).losses.reduce((sum, value) => sum + value)
  expect(await lossAt(pgd)).toBeGreaterThan(await lossAt(clean))
})

test('ffgsm takes one step of 1.25 ε from a uniform start', async () => {
  const start = clean.data.slice()
  const random = randomStream('start')
  for (let i = 0; i < start.length; i++) {
    const drawn = start[i]! + epsilon * (2 * random.uniform() - 1)
    start[i] = Math.min(Math.max(drawn, 0), 1)
  }
  const slope = await gradientAt({ ...clean, data: start })
  const expected = start.map((value, i) => {
    const own = clean.data[i]!
    const moved = value + 1.25 * epsilon * Math.sign(slope[i]!)
    return Math.min(Math.max(moved, own - epsilon, 0), own + epsilon, 1)
  })
  expect((await attack('ffgsm')).data).toBeAllclose(expected, { atol: 1e-6 })
})

test('a smaller radius has smaller steps', async () => {
  const { data } = await attack('fgsm', 0.5)
  const slope = await gradientAt(clean)
  const expected = clean.data.map((value, i) =>
    Math.min(Math.max(value + 0.5 * epsilon * Math.sign(slope[i]!), 0), 1),
  )
  expect(data).toBeAllclose(expected, { atol: 1e-6 })
})
