/** The conformance battery over the minimum-norm attacks. */
import { describe, test } from 'vitest'
import type { AttackPlugin, PluginOptions } from '../../core/plugin/contract.ts'
import { attackConformance, compiledLinearModel } from '../../core/testing/index.ts'
import { carliniWagner } from '../../plugins/attacks/minimum-norm/carlini-wagner.ts'
import { ddn } from '../../plugins/attacks/minimum-norm/ddn.ts'
import { deepfool } from '../../plugins/attacks/minimum-norm/deepfool.ts'
import { fmn } from '../../plugins/attacks/minimum-norm/fmn.ts'

interface Subject {
  readonly plugin: AttackPlugin<never>
  readonly options: PluginOptions
  /** Examples that are never fooled may take fewer passes than `cost` says. */
  readonly costIsLimit?: boolean
}

const subjects: readonly Subject[] = [
  { plugin: carliniWagner, options: { steps: 10, searchSteps: 3, abortEarly: false } },
  { plugin: carliniWagner, options: { steps: 10, searchSteps: 3 }, costIsLimit: true },
  {
    plugin: carliniWagner,
    options: { steps: 10, searchSteps: 3, confidence: 0.5, abortEarly: false },
  },
  { plugin: ddn, options: { steps: 20 } },
  { plugin: ddn, options: { steps: 7, loss: 'margin', radiusChange: 0.5 } },
  { plugin: fmn, options: { steps: 10 } },
  { plugin: fmn, options: { steps: 7, stepSize: '1/4' } },
  { plugin: deepfool, options: {}, costIsLimit: true },
  { plugin: deepfool, options: { targets: 2, halvings: 0, steps: 3 }, costIsLimit: true },
]

for (const { plugin, options, costIsLimit } of subjects) {
  describe(`${plugin.meta.id} with ${JSON.stringify(options)}`, () => {
    for (const { name, run } of attackConformance({ plugin, options })) {
      if (!(costIsLimit && name.includes('cost'))) test(name, run)
    }
  })
}

describe('deepfool on a linear model in the engine', () => {
  const createModel = compiledLinearModel
  for (const { name, run } of attackConformance({ plugin: deepfool, createModel })) {
    if (!name.includes('cost')) test(name, run)
  }
})
