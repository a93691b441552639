/** Curves: the result at the epsilon of the threat model does not depend on further points. */
import { describe, expect, test } from 'vitest'
import type { AttackPlugin } from '../../../core/plugin/contract.ts'
import { runAttack } from '../../../core/plugin/host.ts'
import { pgd } from '../../../plugins/attacks/gradient/pgd.ts'
import { carliniWagner } from '../../../plugins/attacks/minimum-norm/carlini-wagner.ts'
import { fmn } from '../../../plugins/attacks/minimum-norm/fmn.ts'
import { linearCase, withOptions } from '../../support/attack-request.ts'

const threatModel = { norm: 'Linf', epsilon: 0.02, bounds: [0, 1] } as const
const shape = { classes: 4, count: 24, size: 20 }

describe.each([
  ['pgd', pgd as AttackPlugin<never>, { steps: 3, restarts: 1 }],
  ['fmn', fmn, { steps: 20 }],
  // Its threshold starts at epsilon, so the search depends on it.
  ['carlini-wagner', carliniWagner, { steps: 30, searchSteps: 3 }],
] as const)('%s', (_, plugin, options) => {
  test('further epsilons change neither outcomes nor points', async () => {
    const { request } = await linearCase(shape, { threatModel })
    const attack = { ...request, ...withOptions(plugin, options) }
    const { outcomes, adversarial } = await runAttack(attack)
    expect(outcomes).toContain('b')
    expect(outcomes).toContain('r')
    for (const curve of [[0.04], [0.005, 0.01], [0.01, 0.03, 0.5]]) {
      const more = await runAttack({ ...attack, curve })
      expect(more.outcomes).toBe(outcomes)
      expect(more.adversarial).toEqual(adversarial)
    }
  })

  test('the breaking points agree with the outcomes, and more examples break in larger balls', async () => {
    const { request } = await linearCase(shape, { threatModel })
    const attack = { ...request, ...withOptions(plugin, options), curve: [0.004, 0.08] }
    const { outcomes, breakingEpsilons } = await runAttack(attack)
    breakingEpsilons!.forEach((least, i) => {
      expect(least <= 0.02).toBe(outcomes[i] === 'b')
    })
    const broken = [0.004, 0.02, 0.08].map(
      (epsilon) => breakingEpsilons!.filter((least) => least <= epsilon).length,
    )
    expect(broken[0]).toBeLessThan(broken[1]!)
    expect(broken[1]).toBeLessThan(broken[2]!)
  })
})

test('a point of the ball that only the search in a larger one finds counts at its epsilon', async () => {
  const { request } = await linearCase(shape, { threatModel })
  // Searches only in balls larger than the threat model's, and finds a point within it.
  const late: AttackPlugin<never> = {
    ...fmn,
    run: async (context) =>
      context.threatModel.epsilon > 0.02
        ? fmn.run({ ...context, options: { steps: 100 } })
        : context.inputs,
  }
  const { outcomes, breakingEpsilons } = await runAttack({
    ...request,
    plugin: late,
    options: {},
    curve: [0.01, 0.03, 0.5],
  })
  expect(outcomes).not.toContain('b')
  const sizes = Array.from(breakingEpsilons!)
  expect(sizes.filter((least) => least === 0.03).length).toBeGreaterThan(0)
  expect(Math.min(...sizes)).toBeGreaterThan(0.02)
})
