/** Options of the minimum-norm attacks: defaults, costs, and validation. */
import { describe, expect, test } from 'vitest'
import type { AttackPlugin } from '../../../../core/plugin/contract.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import { resolveOptions } from '../../../../core/plugin/options.ts'
import { carliniWagner } from '../../../../plugins/attacks/minimum-norm/carlini-wagner.ts'
import { ddn } from '../../../../plugins/attacks/minimum-norm/ddn.ts'
import { deepfool } from '../../../../plugins/attacks/minimum-norm/deepfool.ts'
import { fmn } from '../../../../plugins/attacks/minimum-norm/fmn.ts'
import { linearCase, withOptions } from '../../../support/attack-request.ts'
import { uniformInputs } from '../../../support/attack-task.ts'

const cost = (plugin: AttackPlugin<never>, options = {}, classes = 10): unknown =>
  // Checked against the plugin's own schema.
  plugin.cost(resolveOptions(plugin.meta, options, 'options') as never, classes, 'L2')

describe('the defaults', () => {
  test('are those of the documentation', () => {
    for (const plugin of [carliniWagner, ddn, deepfool, fmn]) {
      expect(plugin.meta).toMatchObject({ minimumNorm: true, stochastic: false })
    }
    expect(resolveOptions(carliniWagner.meta, {}, 'options')).toEqual({
      steps: 1000,
      searchSteps: 9,
      learningRate: 0.01,
      confidence: 0,
      abortEarly: true,
    })
    expect(resolveOptions(ddn.meta, {}, 'options')).toEqual({
      steps: 100,
      loss: 'cross-entropy',
      radiusChange: 0.05,
    })
    expect(resolveOptions(deepfool.meta, {}, 'options')).toEqual({
      steps: 50,
      targets: 9,
      overshoot: 0.02,
      halvings: 10,
    })
    expect(resolveOptions(fmn.meta, {}, 'options')).toEqual({ steps: 100 })
  })

  test('have the documented costs', () => {
    expect(cost(carliniWagner)).toEqual({ forward: 9000, backward: 9000 })
    expect(cost(ddn)).toEqual({ forward: 101, backward: 100 })
    expect(cost(fmn)).toEqual({ forward: 101, backward: 100 })
    expect(cost(deepfool)).toEqual({ forward: 50 + 1 + 10, backward: 450 })
  })

  test('include a ranking pass of deepfool if there are more classes than targets', () => {
    expect(cost(deepfool, {}, 100)).toEqual({ forward: 1 + 50 + 1 + 10, backward: 450 })
    expect(cost(deepfool, { targets: 20, halvings: 0 }, 100)).toEqual({
      forward: 1 + 50 * 3 + 1,
      backward: 1000,
    })
  })
})

test.each([
  ['no run', carliniWagner, { searchSteps: 0 }, '/searchSteps'],
  ['a learning rate of zero', carliniWagner, { learningRate: 0 }, '/learningRate'],
  ['a negative confidence', carliniWagner, { confidence: -1 }, '/confidence'],
  ['a radius that vanishes', ddn, { radiusChange: 1 }, '/radiusChange'],
  ['an unknown loss', ddn, { loss: 'hinge' }, '/loss'],
  ['a negative overshoot', deepfool, { overshoot: -0.1 }, '/overshoot'],
  ['a step size of zero', fmn, { stepSize: 0 }, '/stepSize'],
  ['no steps', fmn, { steps: 0 }, '/steps'],
] as const)('%s is rejected', (_, plugin: AttackPlugin<never>, options, path) => {
  const place = 'suite.json#/attacks/0/options'
  expect(() => resolveOptions(plugin.meta, options, place)).toThrow(`${place}${path}: `)
})

test('the step size of fmn may be a fraction', async () => {
  const threatModel = { norm: 'L2', epsilon: 3, bounds: [0, 1] } as const
  const { request } = await linearCase({ classes: 3, count: 10, size: 24 }, { threatModel })
  const run = (stepSize: unknown) =>
    runAttack({ ...request, ...withOptions(fmn, { steps: 5, stepSize }) })
  const [number, fraction, other] = [await run(0.25), await run('1/4'), await run(1)]
  expect(fraction.adversarial.data).toEqual(number.adversarial.data)
  expect(other.adversarial.data).not.toEqual(number.adversarial.data)
})

test('a confidence of 2 gives points 2 / ‖w₁ − w₀‖ farther beyond the boundary', async () => {
  const threatModel = { norm: 'L2', epsilon: 3, bounds: [0, 1] } as const
  // So far from the bounds that no point reaches them.
  const inputs = uniformInputs([10, 1, 1, 24], 'confidence')
  for (let i = 0; i < inputs.data.length; i++) inputs.data[i] = 0.4 + 0.2 * inputs.data[i]!
  const { request, classifier } = await linearCase(
    { classes: 2, count: 10, size: 24 },
    { threatModel, inputs },
  )
  const run = (confidence: number) =>
    runAttack({ ...request, ...withOptions(carliniWagner, { steps: 300, confidence }) })
  const [plain, confident] = [await run(0), await run(2)]
  const { weights } = classifier
  const slope = Math.hypot(...weights.subarray(0, 24).map((w, i) => w - weights[24 + i]!))
  const farther = confident.breakingEpsilons!.map((to, row) => to - plain.breakingEpsilons![row]!)
  // The search comes within 5 % of the minimum.
  expect(farther).toBeAllclose(Array<number>(10).fill(2 / slope), { rtol: 0.05 })
})
