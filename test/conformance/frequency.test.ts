/** The conformance battery over the attacks in the frequency domain. */
import { describe, test } from 'vitest'
import type { AttackPlugin, PluginOptions } from '../../core/plugin/contract.ts'
import { attackConformance, compiledLinearModel } from '../../core/testing/index.ts'
import { amplitudeMix } from '../../plugins/attacks/spectral/amplitude-mix.ts'
import { highPass } from '../../plugins/attacks/spectral/high-pass.ts'
import { highPassSweep } from '../../plugins/attacks/spectral/high-pass-sweep.ts'

const steps = 4
const subjects: readonly (readonly [AttackPlugin<never>, PluginOptions])[] = [
  [highPass, { steps, restarts: 2 }],
  [highPass, { steps, radius: 0 }],
  [highPass, { steps, mask: 'gaussian', loss: 'margin' }],
  [highPass, { steps, mask: 'butterworth', band: 'low', keptEnergy: 0.95 }],
  [highPass, { steps, band: 'band', radius: 1, outerRadius: 2 }],
  [highPass, { steps, variant: 'emphasis', strength: 0.5 }],
  [highPass, { steps, variant: 'high-pass-only', goal: 'targeted', restarts: 2 }],
  [highPassSweep, { steps: 3 }],
  [highPassSweep, { steps: 3, bands: [{ band: 'high', radius: 2 }, { band: 'low' }] }],
  [amplitudeMix, { distractors: 3, mixes: 2, steps: 3 }],
  [amplitudeMix, { distractors: 3, steps: 0 }],
]

for (const [plugin, options] of subjects) {
  describe(`${plugin.meta.id} with ${JSON.stringify(options)}`, () => {
    for (const { name, run } of attackConformance({ plugin, options })) test(name, run)
  })
}

const compiled: typeof subjects = [
  [highPass, { steps: 3 }],
  [amplitudeMix, { distractors: 2, mixes: 2, steps: 2 }],
]

for (const [plugin, options] of compiled) {
  describe(`${plugin.meta.id} on a linear model in the engine`, () => {
    const createModel = compiledLinearModel
    for (const { name, run } of attackConformance({ plugin, options, createModel })) {
      test(name, run)
    }
  })
}
