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
