/** The conformance battery over AutoAttack and its parts. */
import { describe, test } from 'vitest'
import type { AttackPlugin, PluginOptions } from '../../core/plugin/contract.ts'
import { attackConformance, compiledLinearModel } from '../../core/testing/index.ts'
import { apgdCe } from '../../plugins/attacks/apgd/apgd-ce.ts'
import { apgdDlr } from '../../plugins/attacks/apgd/apgd-dlr.ts'
import { apgdT } from '../../plugins/attacks/apgd/apgd-t.ts'
import { autoattack } from '../../plugins/attacks/autoattack/autoattack.ts'
import { fab } from '../../plugins/attacks/fab/fab.ts'
import { fabT } from '../../plugins/attacks/fab/fab-t.ts'
import { square } from '../../plugins/attacks/square/square.ts'

const steps = 7
const subjects: readonly (readonly [AttackPlugin<never>, PluginOptions])[] = [
  [apgdCe, { steps }],
  [apgdCe, { steps, restarts: 2, samples: 3 }],
  [apgdDlr, { steps, restarts: 2 }],
  [apgdT, { steps }],
  [apgdT, { steps, restarts: 2, targets: 2 }],
  [fabT, { steps, restarts: 2 }],
  [square, { queries: 30, restarts: 2 }],
  [square, { queries: 30, rescaleSchedule: true }],
  [autoattack, { version: 'custom', steps, queries: 20, restarts: 2 }],
]

for (const [plugin, options] of subjects) {
  describe(`${plugin.meta.id} with ${JSON.stringify(options)}`, () => {
    for (const { name, run } of attackConformance({ plugin, options })) test(name, run)
  })
}

const custom = { version: 'custom', queries: 5, restarts: 1 } as const
const engineSubjects: typeof subjects = [
  [fab, { steps, restarts: 2 }],
  [autoattack, { ...custom, steps: 3, targets: 2 }],
  [autoattack, { ...custom, steps, attacks: ['square', 'fab', 'apgd-dlr'] }],
]

for (const [plugin, options] of engineSubjects) {
  describe(`${plugin.meta.id} with ${JSON.stringify(options)} on a linear model in the engine`, () => {
    const createModel = compiledLinearModel
    for (const { name, run } of attackConformance({ plugin, options, createModel })) {
      test(name, run)
    }
  })
}
