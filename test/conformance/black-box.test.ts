/** The conformance battery over the attacks that ask for logits or decisions only. */
import { describe, test } from 'vitest'
import type { AttackPlugin, PluginOptions } from '../../core/plugin/contract.ts'
import { attackConformance, compiledLinearModel } from '../../core/testing/index.ts'
import { boundary } from '../../plugins/attacks/decision-based/boundary.ts'
import { hopSkipJump } from '../../plugins/attacks/decision-based/hop-skip-jump.ts'
import { nes } from '../../plugins/attacks/score-based/nes.ts'
import { spsa } from '../../plugins/attacks/score-based/spsa.ts'

const subjects: readonly (readonly [AttackPlugin<never>, PluginOptions])[] = [
  [hopSkipJump, { queries: 250, initialSamples: 15 }],
  [boundary, { queries: 400 }],
  [spsa, { queries: 100, samples: 10 }],
  [spsa, { queries: 100, samples: 12, update: 'sign', randomStart: false, loss: 'dlr' }],
  [nes, { queries: 100, samples: 10 }],
  [nes, { queries: 100, samples: 8, momentum: 0, randomStart: true, loss: 'cross-entropy' }],
]

for (const [plugin, options] of subjects) {
  describe(`${plugin.meta.id} with ${JSON.stringify(options)}`, () => {
    for (const { name, run } of attackConformance({ plugin, options })) test(name, run)
  })
}

describe('hop-skip-jump on a linear model in the engine', () => {
  const options = { queries: 120, initialSamples: 10 }
  const createModel = compiledLinearModel
  for (const { name, run } of attackConformance({ plugin: hopSkipJump, options, createModel })) {
    test(name, run)
  }
})
