/** On linear classifiers, black-box attacks break most breakable examples and no robust one. */
import { describe, expect, test } from 'vitest'
import { runAttack } from '../../../core/plugin/host.ts'
import type { AttackPlugin } from '../../../core/plugin/contract.ts'
import { boundary } from '../../../plugins/attacks/decision-based/boundary.ts'
import { hopSkipJump } from '../../../plugins/attacks/decision-based/hop-skip-jump.ts'
import { nes } from '../../../plugins/attacks/score-based/nes.ts'
import { spsa } from '../../../plugins/attacks/score-based/spsa.ts'
import { linearCase, withOptions } from '../../support/attack-request.ts'

const epsilons = { Linf: 0.04, L2: 0.25 } as const
/** Margins closer to zero than this may be decided by float32 rounding. */
const blur = 1e-4

describe.each([
  ['hop-skip-jump', 'L2', hopSkipJump, { queries: 3000 }, 0.95],
  ['hop-skip-jump', 'Linf', hopSkipJump, { queries: 3000 }, 0.9],
  ['boundary', 'L2', boundary, { queries: 5000 }, 0.85],
  ['spsa', 'Linf', spsa, { queries: 2000, samples: 64 }, 0.95],
  ['spsa with sign steps', 'Linf', spsa, { queries: 4000, samples: 200, update: 'sign' }, 0.9],
  ['nes', 'Linf', nes, { queries: 2000 }, 0.95],
  ['nes', 'L2', nes, { queries: 2000 }, 0.95],
] as const)('%s in %s', (_, norm, plugin, options, share) => {
  test(`breaks at least ${share} of the breakable examples and no robust one`, async () => {
    const threatModel = { norm, epsilon: epsilons[norm], bounds: [0, 1] } as const
    const linear = await linearCase({ classes: 2, count: 40, size: 48 }, { threatModel })
    const { outcomes, ...result } = await runAttack({
      ...linear.request,
      ...withOptions(plugin, options),
    })
    const breakable = linear.margins.flatMap((margin, row) => (margin < -blur ? [row] : []))
    const robust = linear.margins.flatMap((margin, row) => (margin > blur ? [row] : []))
    expect(Math.min(breakable.length, robust.length)).toBeGreaterThan(10)
    expect(robust.filter((row) => outcomes[row] === 'b')).toEqual([])
    const broken = breakable.filter((row) => outcomes[row] === 'b')
    expect(broken.length / breakable.length).toBeGreaterThanOrEqual(share)
    expect(result.forwardPasses).toBeLessThanOrEqual(40 * options.queries)
    expect(result.backwardPasses).toBe(0)
  })
})

test('with ten classes no robust example is broken', async () => {
  const threatModel = { norm: 'L2', epsilon: 0.3, bounds: [0, 1] } as const
  const linear = await linearCase({ classes: 10, count: 40, size: 48 }, { threatModel })
  for (const plugin of [hopSkipJump, boundary, nes]) {
    const chosen = withOptions(plugin, { queries: 1500 })
    const { outcomes } = await runAttack({ ...linear.request, ...chosen })
    expect(linear.margins.filter((margin, i) => margin > blur && outcomes[i] === 'b')).toEqual([])
  }
})

describe('options', () => {
  const threatModel = { norm: 'Linf', epsilon: 0.05, bounds: [0, 1] } as const

  async function attack(plugin: AttackPlugin<never>, options: Readonly<Record<string, unknown>>) {
    const { request } = await linearCase({ classes: 3, count: 12, size: 12 }, { threatModel })
    return runAttack({ ...request, ...withOptions(plugin, options) })
  }

  test.each([
    [
      'spsa',
      spsa,
      { queries: 300 },
      { samples: 128, sampleDistance: 0.01, stepSize: '1/100', update: 'adam', loss: 'margin' },
    ],
    [
      'nes',
      nes,
      { queries: 300 },
      { samples: 50, sampleDistance: '1/1000', stepSize: 0.01, momentum: 0.9, randomStart: false },
    ],
    ['hop-skip-jump', hopSkipJump, { queries: 300 }, { initialSamples: 100 }],
  ] as const)('%s: the defaults are as documented', async (_, plugin, few, explicit) => {
    expect(await attack(plugin, few)).toEqual(await attack(plugin, { ...few, ...explicit }))
  })

  test.each([
    ['hop-skip-jump', hopSkipJump, 5000],
    ['boundary', boundary, 25_000],
    ['spsa', spsa, 9934],
    ['nes', nes, 9996],
  ] as const)('%s: the default number of queries is as documented', (_, plugin, forward) => {
    const { options } = withOptions(plugin)
    // The options were filled in from the plugin's schema.
    expect(plugin.cost(options as never, 10)).toEqual({ forward, backward: 0 })
  })

  test('queries that do not suffice for one step are rejected', async () => {
    await expect(attack(spsa, { queries: 100 })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: queries: expected at least 130 (a random start and one step with 128 samples), got 100; raise queries or lower samples]`,
    )
    await expect(attack(nes, { queries: 50 })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: queries: expected at least 51 (one step with 50 samples), got 50; raise queries or lower samples]`,
    )
  })
})
