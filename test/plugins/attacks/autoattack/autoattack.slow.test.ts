/** On linear classifiers, the attacks of AutoAttack reach the exact robust accuracy. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AttackPlugin, PluginOptions } from '../../../../core/plugin/contract.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { HostedResult } from '../../../../core/plugin/host.ts'
import { resolveOptions } from '../../../../core/plugin/options.ts'
import type { Norm } from '../../../../core/threat/threat-model.ts'
import { convexNorms } from '../../../support/norms.ts'
import { apgdCe } from '../../../../plugins/attacks/apgd/apgd-ce.ts'
import { apgdDlr } from '../../../../plugins/attacks/apgd/apgd-dlr.ts'
import { apgdT } from '../../../../plugins/attacks/apgd/apgd-t.ts'
import { autoattack } from '../../../../plugins/attacks/autoattack/autoattack.ts'
import { fab } from '../../../../plugins/attacks/fab/fab.ts'
import { fabT } from '../../../../plugins/attacks/fab/fab-t.ts'
import { square } from '../../../../plugins/attacks/square/square.ts'
import { countOutcomes, linearCase, withOptions } from '../../../support/attack-request.ts'

interface Case {
  readonly norm: Norm
  readonly shape: readonly [number, number, number]
  readonly classes: number
  readonly epsilon: number
  readonly seed: number
  /** Factor of all logits; 1 by default. */
  readonly scale?: number
}

/** Runs an attack; also returns the exact worst-case margins. */
async function attack(
  { norm, shape, classes, epsilon, seed, scale = 1 }: Case,
  plugin: AttackPlugin<never>,
  options: PluginOptions = {},
): Promise<HostedResult & { readonly margins: readonly number[] }> {
  const { request, margins } = await linearCase(
    { classes, count: 40, size: shape, seed, scale },
    { threatModel: { norm, epsilon, bounds: [0, 1] }, seed },
  )
  return { ...(await runAttack({ ...request, ...withOptions(plugin, options) })), margins }
}

/** Margins of provably robust examples with outcome broken. Float32 blurs margins of 1e-4. */
function unsound({ outcomes, margins }: Awaited<ReturnType<typeof attack>>): number[] {
  return margins.filter((margin, i) => margin > 1e-4 && outcomes[i] === 'b')
}

/** Margins of the examples that can be broken by more than `blur` but were not. */
function missed({ outcomes, margins }: Awaited<ReturnType<typeof attack>>, blur = 1e-4): number[] {
  return margins.filter((margin, i) => margin < -blur && outcomes[i] === 'r')
}

function robust(outcomes: string): number {
  return countOutcomes(outcomes, 'r')
}

const sizes = { Linf: 0.03, L2: 0.2, L1: 0.8 } as const

describe.each(convexNorms)('%s', (norm) => {
  const shapes = [
    [2, [1, 5, 9]],
    [3, [1, 6, 4]],
    [4, [2, 3, 7]],
    [10, [3, 4, 4]],
    [20, [3, 5, 3]],
  ] as const
  test.each(shapes)(
    'with %i classes and images of %j the ensemble reaches the exact robust accuracy',
    async (classes, shape) => {
      const found = await attack(
        { norm, shape, classes, epsilon: sizes[norm], seed: classes },
        autoattack,
        { version: 'custom', restarts: 1, queries: 50, targets: 19 },
      )
      expect(new Set(found.outcomes)).toEqual(new Set('rb'))
      expect(unsound(found)).toEqual([])
      expect(missed(found)).toEqual([])
    },
  )

  test.each([
    ['apgd-ce', apgdCe, {}],
    ['apgd-dlr', apgdDlr, {}],
    ['square', square, { queries: 300 }],
  ] as const)('%s breaks some examples and none that is robust', async (_, plugin, options) => {
    const situation = { norm, shape: [3, 4, 4], classes: 6, epsilon: sizes[norm], seed: 1 } as const
    const found = await attack(situation, plugin, options)
    expect(found.outcomes).toContain('b')
    expect(unsound(found)).toEqual([])
  })

  test.each([
    ['fab', fab, {}],
    ['fab-t', fabT, { targets: 19 }],
  ] as const)(
    '%s is exact in a single step for any number of classes',
    async (_, plugin, options) => {
      for (const [classes, shape] of shapes) {
        const situation = { norm, shape, classes, epsilon: sizes[norm], seed: classes } as const
        const found = await attack(situation, plugin, { ...options, steps: 1 })
        expect(unsound(found)).toEqual([])
        expect(missed(found, 1e-5)).toEqual([])
      }
    },
  )
})

test('apgd-t and apgd-dlr with restarts are exact on any linear classifier in Linf', async () => {
  const shape = fc.constantFrom<Case['shape']>([1, 3, 8], [3, 4, 2], [2, 5, 5])
  const situation = fc.record({
    norm: fc.constant('Linf' as const),
    shape,
    classes: fc.integer({ min: 2, max: 20 }),
    epsilon: fc.constantFrom(0.005, 0.02, 0.06),
    seed: fc.nat(1e6),
  })
  const property = fc.asyncProperty(situation, async (drawn) => {
    for (const [plugin, options] of [
      [apgdT, { targets: 19 }],
      [apgdDlr, { restarts: 5 }],
    ] as const) {
      const found = await attack(drawn, plugin, options)
      expect(unsound(found)).toEqual([])
      expect(missed(found)).toEqual([])
    }
  })
  await fc.assert(property, { numRuns: 6, seed: 1 })
})

test('cross-entropy misses examples with many classes, targeted DLR does not', async () => {
  const situation = { norm: 'Linf', shape: [3, 4, 6], classes: 20, epsilon: 0.02, seed: 3 } as const
  const [ce, targeted] = [await attack(situation, apgdCe), await attack(situation, apgdT)]
  expect(missed(ce)).toHaveLength(2)
  expect(missed(targeted)).toEqual([])
})

test('large logits mask the gradient of cross-entropy but do not affect DLR', async () => {
  const situation = { norm: 'Linf', shape: [1, 6, 6], classes: 5, epsilon: 0.05, seed: 2 } as const
  const large = { ...situation, scale: 2 ** 10 }
  expect((await attack(large, apgdDlr)).outcomes).toBe((await attack(situation, apgdDlr)).outcomes)
  expect(robust((await attack(situation, apgdCe)).outcomes)).toBe(7)
  expect(robust((await attack(large, apgdCe)).outcomes)).toBe(37)
})

describe('stages', () => {
  const situation = { norm: 'Linf', shape: [3, 4, 4], classes: 10, epsilon: 0.03, seed: 7 } as const
  const options = { version: 'custom', restarts: 1, queries: 30, steps: 20 } as const

  test('each stage breaks more, and the last stage has the outcomes of the attack', async () => {
    const { stages = [], outcomes } = await attack(situation, autoattack, {
      ...options,
      attacks: ['square', 'apgd-ce', 'apgd-t', 'fab-t'],
    })
    expect(stages.map(({ name }) => name)).toEqual(['square', 'apgd-ce', 'apgd-t', 'fab-t'])
    expect(stages.at(-1)?.outcomes).toBe(outcomes)
    expect(stages.map((stage) => robust(stage.outcomes))).toEqual([26, 10, 9, 9])
  })

  test('a stage attacks only the examples that earlier stages did not break', async () => {
    const attacks = ['apgd-t', 'square']
    const both = await attack(situation, autoattack, { ...options, attacks })
    const first = await attack(situation, autoattack, { ...options, attacks: ['apgd-t'] })
    expect(both.stages?.[0]?.outcomes).toBe(first.outcomes)
    expect(both.forwardPasses - first.forwardPasses).toBe(30 * robust(first.outcomes))
    expect(both.backwardPasses).toBe(first.backwardPasses)
  })
})

describe('the budgets of the versions', () => {
  const cost = (options: PluginOptions, classes = 10, norm: Norm = 'Linf') =>
    // The options were validated against the plugin's schema.
    autoattack.cost(resolveOptions(autoattack.meta, options, 'options') as never, classes, norm)

  test('are those of AutoAttack, without the passes that its code repeats', () => {
    // Ranking of targets, APGD-CE, APGD-T, FAB-T, Square. FAB's nine gradients share a forward
    // pass;
    // each of its runs ends with another forward pass.
    expect(cost({})).toEqual({
      forward: 1 + 101 + 9 * 101 + 9 * 201 + 5000,
      backward: 100 + 9 * 100 + 9 * 100,
    })
    expect(cost({ version: 'plus' })).toEqual({
      forward: 1 + 2 * 5 * 101 + 5 * 201 + 5000 + 9 * 101 + 9 * 201,
      backward: 2 * 5 * 100 + 5 * 100 * 9 + 9 * 100 + 9 * 100,
    })
    expect(cost({ version: 'rand' })).toEqual({ forward: 2 * 20 * 101, backward: 2 * 20 * 100 })
  })

  test('have more restarts, fewer targets, and a pass for each of three radii in L1', () => {
    expect(cost({}, 10, 'L1')).toEqual({
      forward: 1 + 5 * 103 + 5 * 103 + 9 * 201 + 5000,
      backward: 5 * 100 + 5 * 100 + 9 * 100,
    })
  })

  test('have at most as many targets as wrong classes', () => {
    expect(cost({}, 4)).toEqual({
      forward: 1 + 101 + 3 * 101 + 3 * 201 + 5000,
      backward: 100 + 3 * 100 + 3 * 100,
    })
  })

  test('are fixed, except for custom', () => {
    expect(() => cost({ queries: 100 })).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: autoattack: version "standard" has fixed budgets, but option queries is set; remove it or use version "custom"]`,
    )
    expect(cost({ version: 'custom', attacks: ['square'], queries: 100 }).forward).toBe(100)
  })
})
