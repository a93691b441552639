/** The conformance battery over the attacks that adapt to a defense. */
import { describe, test } from 'vitest'
import type { AttackPlugin, PluginOptions } from '../../core/plugin/contract.ts'
import { attackConformance } from '../../core/testing/index.ts'
import { bpda } from '../../plugins/attacks/wrappers/bpda.ts'
import { eot } from '../../plugins/attacks/wrappers/eot.ts'
import { gradientAware } from '../../plugins/attacks/wrappers/gradient-aware.ts'
import { pgd } from '../../plugins/attacks/gradient/pgd.ts'
import { withOptions } from '../support/attack-request.ts'

const wrappers: readonly (readonly [AttackPlugin<never>, PluginOptions])[] = [
  [bpda, {}],
  [eot, { samples: 2 }],
]

for (const [plugin, options] of wrappers) {
  describe(`${plugin.meta.id} around pgd`, () => {
    const inner = withOptions(pgd, { steps: 3, restarts: 2 })
    // pgd knows no L1.
    const subject = { ...plugin, meta: { ...plugin.meta, norms: ['Linf', 'L2'] as const } }
    for (const { name, run } of attackConformance({ plugin: subject, options, inner })) {
      test(name, run)
    }
  })
}

describe('gradient-aware in one mode', () => {
  const options = { modes: ['full'], steps: 3, restarts: 2 }
  for (const { name, run } of attackConformance({ plugin: gradientAware, options })) {
    test(name, run)
  }
})
