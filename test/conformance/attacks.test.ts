/** The conformance battery over all built-in attacks, untargeted and targeted. */
import { describe, test } from 'vitest'
import type { AttackPlugin, PluginOptions } from '../../core/plugin/contract.ts'
import { attackConformance, compiledLinearModel } from '../../core/testing/index.ts'
import { bim } from '../../plugins/attacks/gradient/bim.ts'
import { fgsm } from '../../plugins/attacks/gradient/fgsm.ts'
import { mim } from '../../plugins/attacks/gradient/mim.ts'
import { pgd } from '../../plugins/attacks/gradient/pgd.ts'

const attacks: readonly (readonly [AttackPlugin<never>, PluginOptions])[] = [
  [fgsm, {}],
  [bim, { steps: 4 }],
  [pgd, { steps: 4, restarts: 2 }],
  [mim, { steps: 4 }],
]

const variants: readonly PluginOptions[] = [
  {},
  { loss: 'margin' },
  { goal: 'targeted', restarts: 2 },
  { goal: 'targeted', target: 'least-likely' },
  { goal: 'multi-targeted', loss: 'margin', restarts: 2 },
]

for (const [plugin, few] of attacks) {
  for (const variant of variants) {
    describe(`${plugin.meta.id} with ${JSON.stringify(variant)}`, () => {
      const options = { ...few, ...variant }
      const seedOptions = { ...options, randomStart: true }
      for (const { name, run } of attackConformance({ plugin, options, seedOptions })) {
        test(name, run)
      }
    })
  }
}

describe('pgd on a linear model in the engine', () => {
  const options = { steps: 3 }
  const createModel = compiledLinearModel
  for (const { name, run } of attackConformance({ plugin: pgd, options, createModel })) {
    test(name, run)
  }
})
