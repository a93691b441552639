/** The conformance battery over the attacks made to transfer, the universal perturbation and noise. */
import { describe, test } from 'vitest'
import type { AttackPlugin, PluginOptions } from '../../core/plugin/contract.ts'
import { attackConformance, compiledLinearModel } from '../../core/testing/index.ts'
import { additiveNoise } from '../../plugins/attacks/noise/additive-noise.ts'
import { diFgsm } from '../../plugins/attacks/gradient/di-fgsm.ts'
import { niFgsm } from '../../plugins/attacks/gradient/ni-fgsm.ts'
import { tiFgsm } from '../../plugins/attacks/gradient/ti-fgsm.ts'
import { universal } from '../../plugins/attacks/gradient/universal.ts'

const steps = 4
const randomStart = true
/** The options, and others under which the seed matters. */
const subjects: readonly (readonly [AttackPlugin<never>, PluginOptions, PluginOptions?])[] = [
  [niFgsm, { steps }, { steps, randomStart }],
  [niFgsm, { steps, scaleCopies: 3, stopWhenFooled: false }, { steps, randomStart }],
  [niFgsm, { steps, goal: 'targeted', target: 'least-likely' }, { steps, randomStart }],
  [diFgsm, { steps, probability: 1, resizeRate: 0.5, restarts: 2 }],
  [diFgsm, { steps, momentum: 0, resizeRate: 0.5, stopWhenFooled: false }],
  [diFgsm, { steps, probability: 0 }, { steps, randomStart }],
  [tiFgsm, { steps }, { steps, randomStart }],
  [tiFgsm, { steps, kernelRadius: 1, sigma: 2, momentum: 0 }, { steps, randomStart }],
  [universal, { examples: 20, epochs: 3, stepExamples: 6 }],
  [additiveNoise, { repeats: 3 }],
  [additiveNoise, { distribution: 'uniform' }],
]

for (const [plugin, options, seedOptions = options] of subjects) {
  describe(`${plugin.meta.id} with ${JSON.stringify(options)}`, () => {
    for (const { name, run } of attackConformance({ plugin, options, seedOptions })) test(name, run)
  })
}

describe('di-fgsm on a linear model in the engine', () => {
  const options = { steps: 3, resizeRate: 0.5 }
  const createModel = compiledLinearModel
  for (const { name, run } of attackConformance({ plugin: diFgsm, options, createModel })) {
    test(name, run)
  }
})
