/** The attacks of AutoAttack on linear classifiers: they reach the exact robust accuracy, and never go below it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { predictions } from '../../../../core/model/predictions.ts'
import type { AttackPlugin, PluginOptions } from '../../../../core/plugin/contract.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import type { HostedResult } from '../../../../core/plugin/host.ts'
import { resolveOptions } from '../../../../core/plugin/options.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import {
  LinearModel,
  randomLinearClassifier,
  worstCaseMargin,
} from '../../../../core/testing/index.ts'
import type { Norm } from '../../../../core/threat/threat-model.ts'
import { norms } from '../../../../core/threat/threat-model.ts'
import { apgdCe } from '../../../../plugins/attacks/apgd/apgd-ce.ts'
import { apgdDlr } from '../../../../plugins/attacks/apgd/apgd-dlr.ts'
import { apgdT } from '../../../../plugins/attacks/apgd/apgd-t.ts'
import { autoattack } from '../../../../plugins/attacks/autoattack/autoattack.ts'
import { fab } from '../../../../plugins/attacks/fab/fab.ts'
import { fabT } from '../../../../plugins/attacks/fab/fab-t.ts'
import { square } from '../../../../plugins/attacks/square/square.ts'
import { withOptions } from '../../../support/attack-request.ts'

interface Case {
  readonly norm: Norm
  readonly shape: readonly [number, number, number]
  readonly classes: number
  readonly epsilon: number
  readonly seed: number
  /** What all logits are multiplied by; 1 if left out. */
  readonly scale?: number
}

const count = 40

/** Runs an attack with the exact worst margins beside it. */
async function attack(
  { norm, shape, classes, epsilon, seed, scale = 1 }: Case,
  plugin: AttackPlugin<never>,
  options: PluginOptions = {},
): Promise<HostedResult & { readonly margins: readonly number[] }> {
  const plain = randomLinearClassifier(shape, classes, seed)
  const classifier = {
    ...plain,
    weights: plain.weights.map((weight) => scale * weight),
    bias: plain.bias.map((value) => scale * value),
  }
  const model = new LinearModel(classifier)
  const size = shape[0] * shape[1] * shape[2]
  const stream = randomStream(seed, 'images')
  const pixels = Float32Array.from({ length: count * size }, () => stream.uniform())
  const inputs = float32([count, ...shape], pixels)
  const labels = predictions(await model.logits(inputs))
  const threatModel = { norm, epsilon, bounds: [0, 1] } as const
  const answer = await runAttack({
    ...withOptions(plugin, options),
    model,
    inputs,
    labels,
    cleanPredictions: labels,
    exampleIndices: Array.from(labels.keys()),
    threatModel,
    seed,
    batchSize: 16,
    signal: new AbortController().signal,
  })
  const margins = Array.from(labels, (label, row) =>
    worstCaseMargin(classifier, threatModel, pixels.subarray(row * size, (row + 1) * size), label),
  )
  return { ...answer, margins }
}

/** Examples that the outcomes call broken though they are provably robust; float32 blurs margins of 1e-4. */
function unsound({ outcomes, margins }: Awaited<ReturnType<typeof attack>>): number[] {
  return margins.filter((margin, i) => margin > 1e-4 && outcomes[i] === 'b')
}

/** Worst margins of the examples that can be broken by more than `blur`, but were not. */
function missed({ outcomes, margins }: Awaited<ReturnType<typeof attack>>, blur = 1e-4): number[] {
  return margins.filter((margin, i) => margin < -blur && outcomes[i] === 'r')
}

function robust(outcomes: string): number {
  return [...outcomes].filter((outcome) => outcome === 'r').length
}

const sizes = { Linf: 0.03, L2: 0.2, L1: 0.8 } as const

describe.each(norms)('%s', (norm) => {
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
  ] as const)('%s comes between clean and exact', async (_, plugin, options) => {
    const situation = { norm, shape: [3, 4, 4], classes: 6, epsilon: sizes[norm], seed: 1 } as const
    const found = await attack(situation, plugin, options)
    expect(found.outcomes).toContain('b')
    expect(unsound(found)).toEqual([])
  })

  test.each([
    ['fab', fab, {}],
    ['fab-t', fabT, { targets: 19 }],
  ] as const)('%s is exact in a single step, however many classes', async (_, plugin, options) => {
    for (const [classes, shape] of shapes) {
      const situation = { norm, shape, classes, epsilon: sizes[norm], seed: classes } as const
      const found = await attack(situation, plugin, { ...options, steps: 1 })
      expect(unsound(found)).toEqual([])
      expect(missed(found, 1e-5)).toEqual([])
    }
  })
})

test('apgd-t, and apgd-dlr with restarts, are exact on any linear classifier in Linf', async () => {
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

test('cross-entropy alone does not reach it', async () => {
  const situation = { norm: 'Linf', shape: [3, 4, 6], classes: 20, epsilon: 0.02, seed: 3 } as const
  const [ce, targeted] = [await attack(situation, apgdCe), await attack(situation, apgdT)]
  expect(missed(ce).length).toBeGreaterThan(0)
  expect(missed(targeted)).toEqual([])
})

test('large logits hide the gradient of cross-entropy, and change nothing for DLR', async () => {
  const situation = { norm: 'Linf', shape: [1, 6, 6], classes: 5, epsilon: 0.05, seed: 2 } as const
  const large = { ...situation, scale: 2 ** 10 }
  expect((await attack(large, apgdDlr)).outcomes).toBe((await attack(situation, apgdDlr)).outcomes)
  expect(robust((await attack(large, apgdCe)).outcomes)).toBeGreaterThan(
    2 * robust((await attack(situation, apgdCe)).outcomes),
  )
})

describe('stages', () => {
  const situation = { norm: 'Linf', shape: [3, 4, 4], classes: 10, epsilon: 0.03, seed: 5 } as const
  const options = { version: 'custom', restarts: 1, queries: 30, steps: 20 } as const

  test('each stage adds to what the earlier ones broke, and the last has the outcome of all', async () => {
    const { stages = [], outcomes } = await attack(situation, autoattack, {
      ...options,
      attacks: ['square', 'apgd-ce', 'apgd-t', 'fab-t'],
    })
    expect(stages.map(({ name }) => name)).toEqual(['square', 'apgd-ce', 'apgd-t', 'fab-t'])
    expect(stages.at(-1)?.outcomes).toBe(outcomes)
    const left = stages.map((stage) => robust(stage.outcomes))
    expect(left).toEqual(left.toSorted((a, b) => b - a))
    expect(left[0]).toBeGreaterThan(left[1]!)
    expect(left[1]).toBeGreaterThan(left[2]!)
  })

  test('a stage attacks only what the earlier ones left', async () => {
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
    // Checked against the plugin's own schema.
    autoattack.cost(resolveOptions(autoattack.meta, options, 'options') as never, classes, norm)

  test('are those of AutoAttack, without the passes that its host repeats', () => {
    // Targets ranked, APGD-CE, APGD-T, FAB-T, Square. FAB's nine gradients share a forward pass; each of its runs ends with one more.
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

  test('have more restarts and fewer targets in L1, and a pass for each of three radii', () => {
    expect(cost({}, 10, 'L1')).toEqual({
      forward: 1 + 5 * 103 + 5 * 103 + 9 * 201 + 5000,
      backward: 5 * 100 + 5 * 100 + 9 * 100,
    })
  })

  test('have no more targets than wrong classes', () => {
    expect(cost({}, 4)).toEqual({
      forward: 1 + 101 + 3 * 101 + 3 * 201 + 5000,
      backward: 100 + 3 * 100 + 3 * 100,
    })
  })

  test('are fixed but for custom', () => {
    expect(() => cost({ queries: 100 })).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: autoattack: version "standard" has fixed budgets, but option queries is set; remove it or use version "custom"]`,
    )
    expect(cost({ version: 'custom', attacks: ['square'], queries: 100 }).forward).toBe(100)
  })
})
