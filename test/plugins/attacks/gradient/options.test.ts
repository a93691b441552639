/** Options of the gradient attacks: defaults, equivalences, and rejected values. */
import { describe, expect, test } from 'vitest'
import type { AttackPlugin } from '../../../../core/plugin/contract.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import { resolveOptions } from '../../../../core/plugin/options.ts'
import { bim } from '../../../../plugins/attacks/gradient/bim.ts'
import { fgsm } from '../../../../plugins/attacks/gradient/fgsm.ts'
import { mim } from '../../../../plugins/attacks/gradient/mim.ts'
import { pgd } from '../../../../plugins/attacks/gradient/pgd.ts'
import { linearCase, withOptions } from '../../../support/attack-request.ts'

const threatModel = { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] } as const

async function attack(plugin: AttackPlugin<never>, options: Readonly<Record<string, unknown>>) {
  const { request } = await linearCase({ classes: 3, count: 20, size: 12 }, { threatModel })
  return runAttack({ ...request, ...withOptions(plugin, options) })
}

test.each([
  ['fgsm', fgsm, {}, { stepSize: '8/255' }],
  ['bim', bim, { steps: 4 }, { steps: 4, stepSize: '2/255' }],
  ['pgd', pgd, { steps: 3 }, { steps: 3, stepSize: '2/255' }],
  ['mim', mim, { steps: 4 }, { steps: 4, stepSize: 2 / 255 }],
] as const)('%s: the default step size is as documented', async (_, plugin, few, explicit) => {
  expect(await attack(plugin, few)).toEqual(await attack(plugin, explicit))
})

test('mim without momentum is bim', async () => {
  expect(await attack(mim, { momentum: 0 })).toEqual(await attack(bim, {}))
})

test('bim with a random start draws other random numbers than pgd', async () => {
  const options = { steps: 3, stepSize: '2/255', randomStart: true }
  const [first, second] = [await attack(bim, options), await attack(pgd, options)]
  expect(first.adversarial).not.toEqual(second.adversarial)
})

test('a center start is the first start, and random starts follow', async () => {
  const options = { steps: 2, stepSize: '1/255' }
  const center = await attack(pgd, { ...options, randomStart: false })
  const first = await attack(pgd, { ...options, centerStart: true })
  expect(first.adversarial).toEqual(center.adversarial)
  const random = await attack(pgd, options)
  const both = await attack(pgd, { ...options, centerStart: true, restarts: 2 })
  expect(random.adversarial).not.toEqual(center.adversarial)
  expect(both.forwardPasses).toBeGreaterThan(first.forwardPasses)
})

// Steps of a linear model all have one direction, so the perturbation is the sum of their lengths.
test.each([
  ['constant', 4],
  ['linear', 1 + 3 / 4 + 2 / 4 + 1 / 4],
  ['cosine', (4 + Math.cos(0) + Math.cos(Math.PI / 4) + Math.cos((3 * Math.PI) / 4)) / 2],
])('with a %s schedule, four steps have a length of %f in all', async (stepSchedule, length) => {
  const { request } = await linearCase(
    { classes: 2, count: 1, size: 12 },
    { threatModel: { norm: 'Linf', epsilon: 0.5, bounds: [-9, 9] } },
  )
  const options = { steps: 4, stepSize: 1e-4, randomStart: false, stepSchedule }
  const { adversarial, outcomes } = await runAttack({ ...request, ...withOptions(pgd, options) })
  expect(outcomes).toBe('r')
  const moved = adversarial.data.map((x, i) => Math.abs(x - request.inputs.data[i]!))
  // float32 inputs near 1 have a resolution of 6e-8.
  expect(moved).toBeAllclose(moved.map(() => length * 1e-4), { atol: 5e-7, rtol: 0 })
})

describe('an invalid option is rejected with its path', () => {
  test.each([
    ['a step size that is not a number', { stepSize: '2/25S' }, 'stepSize'],
    ['a negative step size', { stepSize: -1 }, 'stepSize'],
    ['no steps', { steps: 0 }, 'steps'],
    ['an unknown loss', { loss: 'cross-entropi' }, 'did you mean "cross-entropy"?'],
    ['an unknown target', { target: 'least-likly' }, 'must be "random", "least-likely"'],
    ['a misspelled option', { restart: 2 }, 'did you mean "restarts"?'],
  ])('%s', (_, options, message) => {
    expect(() => resolveOptions(pgd.meta, options, 'suite.json#/attacks/0/options')).toThrow(
      message,
    )
  })
})
