/** The conformance battery over AutoAttack and its parts. */
import { describe, test } from 'vitest'
import type { AttackPlugin, PluginOptions } from '../../core/plugin/contract.ts'
import { attackConformance, compiledLinearModel } from '../../core/testing/index.ts'
import { apgdCe } from '../../plugins/attacks/apgd-ce.ts'
import { apgdDlr } from '../../plugins/attacks/apgd-dlr.ts'
import { apgdT } from '../../plugins/attacks/apgd-t.ts'
import { autoattack } from '../../plugins/attacks/autoattack.ts'
import { fab } from '../../plugins/attacks/fab.ts'
import { fabT } from '../../plugins/attacks/fab-t.ts'
import { square } from '../../plugins/attacks/square.ts'

const steps = 7
const subjects: readonly (readonly [AttackPlugin<never>, PluginOptions])[] = [
  [apgdCe, { steps }],
  [apgdCe, { steps, restarts: 2, samples: 3 }],
  [apgdDlr, { steps, restarts: 2 }],
  [apgdT, { steps }],
  [apgdT, { steps, restarts: 2, targets: 2 }],
  [fab, { steps, restarts: 2 }],
  [fabT, { steps, restarts: 2 }],
  [square, { queries: 30, restarts: 2 }],
  [square, { queries: 30, rescaleSchedule: true }],
  [autoattack, { version: 'custom', steps, queries: 20, restarts: 2 }],
  [
    autoattack,
    {
      version: 'custom',
      attacks: ['square', 'fab', 'apgd-dlr'],
      steps,
      queries: 20,
      restarts: 1,
    },
  ],
]

for (const [plugin, options] of subjects) {
  describe(`${plugin.meta.id} with ${JSON.stringify(options)}`, () => {
    for (const { name, run } of attackConformance({ plugin, options })) test(name, run)
  })
}

describe('autoattack on a linear model in the engine', () => {
  const options = { version: 'custom', steps: 3, queries: 5, restarts: 1, targets: 2 }
  const createModel = compiledLinearModel
  for (const { name, run } of attackConformance({ plugin: autoattack, options, createModel })) {
    test(name, run)
  }
})
