/** Projected gradient ascent: passes, best iterates, targets, and invalid gradients. */
import { describe, expect, test } from 'vitest'
import { attackLosses } from '../../../../core/attack/attack-loss.ts'
import { projectedGradient } from '../../../../plugins/attacks/gradient/projected-gradient.ts'
import { projectedGradientCost } from '../../../../plugins/attacks/gradient/projected-gradient-options.ts'
import type { ProjectedGradientOptions } from '../../../../plugins/attacks/gradient/projected-gradient-options.ts'
import { predictions } from '../../../../core/model/predictions.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { LinearModel } from '../../../../core/testing/index.ts'
import { pixelTask } from '../../../support/linear-task.ts'

const plain: ProjectedGradientOptions = {
  steps: 5,
  stepSize: 0.1,
  randomStart: false,
  restarts: 1,
  loss: 'cross-entropy',
  goal: 'untargeted',
  target: 'random',
}

/** Logits of three classes on two pixels: z = (2 x₀, 2 x₁, 0.8). */
const classifier = {
  inputShape: [1, 1, 2],
  classes: 3,
  weights: Float64Array.of(2, 0, 0, 2, 0, 0),
  bias: Float64Array.of(0, 0, 0.8),
} as const

test('it stops at the first misclassified iterate', async () => {
  const work = pixelTask(classifier, [[0.6, 0.5]])
  const { data } = await projectedGradient(work, plain)
  // One step down in x₀ and up in x₁ is enough.
  expect(data).toBeAllclose([0.5, 0.6])
  // The gradient pass at the second iterate shows the misclassification.
  expect(work.model.passes).toEqual({ forward: 2, backward: 2 })
})

describe('an example that is never fooled', () => {
  test.each([
    ['from the input', {}],
    ['with momentum', { momentum: 1 }],
    ['from three random starts', { randomStart: true, restarts: 3 }],
    ['with restarts but no random start, which count as one', { restarts: 3 }],
    ['toward two random targets', { goal: 'targeted', restarts: 2 }],
    ['toward the least likely class', { goal: 'targeted', target: 'least-likely', restarts: 2 }],
  ] as const)('takes the passes that the cost states: %s', async (_, changes) => {
    const options = { ...plain, ...changes }
    const work = pixelTask(classifier, [[1, 0]], { epsilon: 0.05 })
    await projectedGradient(work, options)
    expect(work.model.passes).toEqual(projectedGradientCost(options))
  })

  test('returns its best iterate, not the last', async () => {
    // Toward class 2 the loss is 2 |x₀ − x₁| + 1; steps of 0.2 oscillate between 1.2 and 1.6.
    const weights = Float64Array.of(2, -2, -2, 2, 0, 0)
    const model = new LinearModel({ ...classifier, weights, bias: Float64Array.of(0, 0, -1) })
    const work = pixelTask(classifier, [[0.6, 0.5]], { model })
    const { data } = await projectedGradient(work, {
      ...plain,
      stepSize: 0.2,
      loss: 'margin',
      goal: 'targeted',
      target: 2,
    })
    expect(data).toEqual(work.inputs.data)
  })
})

describe('a targeted attack', () => {
  const targeted: ProjectedGradientOptions = { ...plain, goal: 'targeted' }

  test('continues past other wrong classes until it reaches its target', async () => {
    const work = pixelTask(classifier, [[0.55, 0.25]])
    const { data } = await projectedGradient(work, { ...targeted, target: 1 })
    expect(predictions(await work.model.logits(float32([1, 1, 1, 2], data)))).toEqual(
      Int32Array.of(1),
    )
  })

  test('returns an example of the target class unchanged, without a pass', async () => {
    const work = pixelTask(classifier, [[0.6, 0.1]])
    const { data } = await projectedGradient(work, { ...targeted, target: 0 })
    expect(data).toEqual(work.inputs.data)
    expect(work.model.passes).toEqual({ forward: 0, backward: 0 })
  })

  test('draws any wrong class, and never the true one', async () => {
    const rows = Array.from({ length: 40 }, () => [1, 0.5] as const)
    const work = pixelTask(classifier, rows, { epsilon: 0.9 })
    const result = await projectedGradient(work, { ...targeted, steps: 20 })
    const reached = predictions(await work.model.logits(result))
    expect(new Set(reached)).toEqual(new Set([1, 2]))
  })

  test('rejects a class that the model does not have', async () => {
    const work = pixelTask(classifier, [[0.6, 0.1]])
    await expect(
      projectedGradient(work, { ...targeted, target: 3 }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: target: expected a class from 0 to 2, got 3]`,
    )
  })
})

test('a gradient that is not finite raises an error with its location', async () => {
  const weights = classifier.weights.with(0, Number.NaN)
  class Broken extends LinearModel {
    override async logits(): Promise<ReturnType<typeof float32>> {
      return float32([1, 3], [1, 0, 0])
    }
  }
  const work = pixelTask(classifier, [[0.6, 0.1]], {
    model: new Broken({ ...classifier, weights }),
  })
  await expect(projectedGradient(work, plain)).rejects.toThrowErrorMatchingInlineSnapshot(
    `[RobenchError: the gradient of the loss is not finite: got NaN for row 0 at step 0 of restart 0; use attacks that need no gradients]`,
  )
})

test('an aborted signal stops the attack', async () => {
  const work = pixelTask(classifier, [[0.6, 0.1]], {
    signal: AbortSignal.abort(new Error('enough')),
  })
  await expect(projectedGradient(work, plain)).rejects.toThrow('enough')
})

test('loss values match their definitions', () => {
  const logits = Float32Array.of(1, 3, 2)
  const total = Math.exp(1) + Math.exp(3) + Math.exp(2)
  expect(attackLosses['cross-entropy'].value(logits, 2)).toBeCloseTo(Math.log(total) - 2, 12)
  expect(attackLosses.margin.value(logits, 1)).toBe(-1)
  expect(attackLosses.margin.value(logits, 0)).toBe(2)
})
