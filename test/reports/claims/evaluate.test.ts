/** Claims on results: the rows that are compared, the figures, and the reasons against. */
import { describe, expect, test } from 'vitest'
import type { RunResult } from '../../../core/bench/result/result.ts'
import { paperClaims } from '../../../reports/claims/claims.ts'
import { evaluateClaims } from '../../../reports/claims/evaluate.ts'
import type { EvaluatedClaim } from '../../../reports/claims/evaluate.ts'
import { hashOf } from '../fixture.ts'
import {
  atOptions,
  attackOf,
  datOptions,
  entryOf,
  network,
  pgd20,
  resultOf,
  window,
} from './fixture.ts'

function evaluated(id: string, ...results: readonly RunResult[]): EvaluatedClaim {
  const claim = paperClaims.find((each) => each.id === id)
  if (!claim) throw new Error(`there is no claim ${id}`)
  return evaluateClaims([claim], results)[0]!
}

const verdicts = (id: string, ...results: readonly RunResult[]): string[] =>
  evaluated(id, ...results).comparisons.map(({ verdict }) => verdict)

const dat = { plugin: 'dat', options: datOptions }
const pgdAt = { plugin: 'pgd-at', options: atOptions }
const overPgdAt = 'dat-over-pgd-at-pgd-20'

test('the ids of claims are unique, and each statement is one sentence', () => {
  expect(new Set(paperClaims.map(({ id }) => id)).size).toBe(paperClaims.length)
  for (const { statement } of paperClaims) expect(statement).toMatch(/^[A-Z][^.]*\.$/)
})

test('without results no claim is tested', () => {
  const found = evaluateClaims(paperClaims, [])
  expect(found.every(({ notTested }) => notTested?.startsWith('no result has a row of'))).toBe(true)
})

describe('a comparison', () => {
  test('has both accuracies, the paired difference, its interval, and p', () => {
    const result = resultOf(
      entryOf(dat, [pgd20(window(60))]),
      entryOf(pgdAt, [pgd20(window(50, 5))]),
    )
    const [comparison, ...others] = evaluated(overPgdAt, result).comparisons
    expect(others).toEqual([])
    expect(comparison).toMatchObject({
      higher: { defense: 'dat', mean: 0.6, robust: [{ count: 60, total: 100 }] },
      lower: { defense: 'pgd-at', mean: 0.5, robust: [{ count: 50, total: 100 }] },
      pairs: { both: 50, onlyA: 10, onlyB: 0, neither: 40 },
      pValue: 2 / 2 ** 10,
      verdict: 'reproduced at this scale',
    })
    expect(comparison!.differences[0]).toBeCloseTo(0.1, 15)
    expect(comparison!.interval.low).toBeGreaterThan(0)
  })

  test('a claim that fails is reported as failing', () => {
    const result = resultOf(entryOf(dat, [pgd20(window(40))]), entryOf(pgdAt, [pgd20(window(50))]))
    expect(verdicts(overPgdAt, result)).toEqual(['not reproduced'])
  })

  // Five examples on one side only: p = 2/2⁵ = 0.0625; six: p = 0.03125.
  test.each([
    [5, 'too close to tell'],
    [6, 'reproduced at this scale'],
  ])('%i examples more are %s', (more, verdict) => {
    const result = resultOf(
      entryOf(dat, [pgd20(window(50 + more))]),
      entryOf(pgdAt, [pgd20(window(50))]),
    )
    expect(verdicts(overPgdAt, result)).toEqual([verdict])
  })

  test('takes the strongest attack that both rows share', () => {
    const long = { steps: 20, restarts: 5 }
    const dats = [pgd20(window(70)), attackOf('pgd', window(60), long)]
    const result = resultOf(
      entryOf(dat, [...dats, attackOf('pgd', window(1), { steps: 20, restarts: 9 })]),
      entryOf(pgdAt, [pgd20(window(65)), attackOf('pgd', window(50), long)]),
    )
    const [comparison] = evaluated(overPgdAt, result).comparisons
    expect(comparison?.higher.attacks).toMatchObject([{ options: long }])
    expect(comparison?.differences[0]).toBeCloseTo(0.1, 15)
  })

  test('rows of two results are compared, and attacks on one model are joined', () => {
    const first = resultOf(entryOf(dat, [attackOf('fgsm', window(80))]))
    const second = resultOf(entryOf(dat, [pgd20(window(60))]))
    const third = resultOf(entryOf(pgdAt, [pgd20(window(50))]))
    expect(verdicts(overPgdAt, first, second, third)).toEqual(['reproduced at this scale'])
  })
})

describe('several trainings of a row', () => {
  const trained = (plugin: 'dat' | 'pgd-at', seed: number, robust: number) =>
    entryOf(
      { ...(plugin === 'dat' ? dat : pgdAt), name: `${plugin}-${seed}`, training: { seed } },
      [pgd20(window(robust))],
    )

  test('are stated each and as a mean, with the test on the first seed', () => {
    const later = resultOf(trained('dat', 1, 58), trained('pgd-at', 1, 52))
    const result = resultOf(trained('dat', 0, 60), trained('pgd-at', 0, 50))
    const { comparisons } = evaluated(overPgdAt, later, result)
    expect(comparisons).toHaveLength(1)
    const [{ higher, lower, differences, meanDifference, pairs, verdict }] =
      comparisons as never as [(typeof comparisons)[number]]
    expect(higher.robust.map(({ count }) => count)).toEqual([60, 58])
    expect(lower.robust.map(({ count }) => count)).toEqual([50, 52])
    expect(higher.mean).toBeCloseTo(0.59, 15)
    expect(differences.map((each) => Math.round(100 * each))).toEqual([10, 6])
    expect(meanDifference).toBeCloseTo(0.08, 15)
    expect(pairs.onlyA).toBe(10)
    expect(verdict).toBe('reproduced at this scale')
  })

  test('of which one disagrees are too close to tell', () => {
    const result = resultOf(
      trained('dat', 0, 60),
      trained('pgd-at', 0, 50),
      trained('dat', 1, 51),
      trained('pgd-at', 1, 52),
    )
    expect(verdicts(overPgdAt, result)).toEqual(['too close to tell'])
  })
})

describe('a claim is not tested', () => {
  const reason = (id: string, ...results: readonly RunResult[]): string | undefined =>
    evaluated(id, ...results).notTested
  const attacked = entryOf(dat, [pgd20(window(60))])

  test('if a row is missing', () => {
    expect(reason(overPgdAt, resultOf(attacked))).toBe('no result has a row of pgd-at')
    expect(reason('dat-no-mix-up-pgd-20', resultOf(attacked))).toBe('no row of dat has mix = full')
  })

  test('if a row lacks the attack', () => {
    const weak = entryOf(pgdAt, [attackOf('pgd', window(50), { steps: 10 })])
    expect(reason(overPgdAt, resultOf(attacked, weak))).toBe(
      'PGD-AT was not attacked by pgd with steps = 20',
    )
  })

  test('if the attacks have other options', () => {
    const other = entryOf(pgdAt, [attackOf('pgd', window(50), { steps: 20, restarts: 2 })])
    expect(reason(overPgdAt, resultOf(attacked, other))).toBe(
      'the attacks on DAT and PGD-AT have other options',
    )
  })

  test.each([
    [
      'data',
      { dataset: { ...attacked.dataset, id: 'svhn', sha256: hashOf('svhn') } },
      'the rows are on other data (cifar10 and svhn)',
    ],
    [
      'threat models',
      { threatModel: { norm: 'Linf', epsilon: 4 / 255, bounds: [0, 1] } },
      'the rows have other threat models (L∞ ≤ 8/255 and L∞ ≤ 4/255)',
    ],
  ] as const)('if the rows are of other %s', (_, changes, expected) => {
    const other = entryOf(pgdAt, [pgd20(window(50))], changes)
    expect(reason(overPgdAt, resultOf(attacked, other))).toBe(expected)
  })

  test('if the rows are on other examples', () => {
    const half = 'r'.repeat(50)
    const other = entryOf(pgdAt, [pgd20(half)], {
      dataset: { ...attacked.dataset, examples: 50 },
      cleanOutcomes: '1'.repeat(50),
      worstCaseRobustAccuracy: 1,
    })
    expect(reason(overPgdAt, resultOf(attacked, other))).toBe(
      'the rows have other examples (100 and 50)',
    )
  })

  test('if the networks differ', () => {
    const large = { ...atOptions, network: { id: 'resnet', options: {} } }
    const other = entryOf({ plugin: 'pgd-at', options: large }, [pgd20(window(50))])
    expect(reason(overPgdAt, resultOf(attacked, other))).toBe(
      'the rows differ in the option network',
    )
  })

  test('if an ablation changes more than its own options', () => {
    const options = { ...datOptions, mix: 'full', epochs: 5 }
    const ablated = entryOf({ plugin: 'dat', options, name: 'mix' }, [pgd20(window(50))])
    expect(reason('dat-no-mix-up-pgd-20', resultOf(attacked, ablated))).toBe(
      'the rows differ in the option epochs',
    )
  })
})

test('an ablation is compared with the full defense', () => {
  const options = { ...datOptions, splitNormalization: false }
  const result = resultOf(
    entryOf(dat, [pgd20(window(60))]),
    entryOf({ plugin: 'dat', options, name: 'joint' }, [pgd20(window(50))]),
  )
  expect(verdicts('dat-no-split-normalization-pgd-20', result)).toEqual([
    'reproduced at this scale',
  ])
})

test('M = 1 is one modality of any kind, and several are MMCAT', () => {
  const full = { network, kappa: 1, gamma: 1, modalities: ['rgb', 'high'], weightPerturbation: 0 }
  const sweep = (robust: number) => [attackOf('high-pass-sweep', window(robust))]
  const one = { ...full, modalities: ['rgb'] }
  const result = resultOf(
    entryOf({ plugin: 'mmcat', options: full }, sweep(60)),
    entryOf({ plugin: 'mmcat', options: one, name: 'one' }, sweep(70)),
  )
  expect(verdicts('mmcat-modalities', result)).toEqual(['not reproduced'])
})

describe('TRN', () => {
  const inner = { id: 'pgd', version: 1, options: { steps: 20 } }
  const modes = ['oblivious', 'bpda', 'half', 'full']
  const bpda = attackOf('bpda', window(60), { attack: inner })
  const options = { base: 'base.onnx', streams: 'both', map: 'all', fusion: 'block' }
  const trn = entryOf({ plugin: 'trn', options, training: { base: { sha256: hashOf('base') } } }, [
    attackOf('transfer', window(80), { surrogates: ['base'], attack: inner }),
    bpda,
    attackOf(
      'gradient-aware',
      window(10),
      { modes },
      {
        oblivious: window(80),
        half: window(40),
        full: window(10),
      },
    ),
  ])
  const standard = { plugin: 'standard', options: { network } }
  const base = entryOf({ ...standard, name: 'base' }, [
    pgd20(window(30)),
    attackOf('bpda', window(30), { attack: inner }),
    attackOf('gradient-aware', window(30), { modes }),
  ])
  const stranger = entryOf({ ...standard, name: 'stranger' }, [pgd20(window(99))])
  const result = resultOf(trn, base, stranger)

  test.each([
    ['oblivious', 50, 'reproduced at this scale'],
    ['bpda', 30, 'reproduced at this scale'],
    ['half', 10, 'reproduced at this scale'],
    ['full', -20, 'not reproduced'],
    ['hard-to-bypass', -20, 'not reproduced'],
  ])('is compared with its base under %s attackers', (id, points, verdict) => {
    const [comparison, ...others] = evaluated(`trn-${id}`, result).comparisons
    expect(others).toEqual([])
    expect(comparison?.lower.name).toBe('base')
    expect(comparison!.differences[0]).toBeCloseTo(points / 100, 12)
    expect(comparison!.verdict).toBe(verdict)
  })

  test('is compared once with a base that two results name by other plugins', () => {
    const file = entryOf({ plugin: 'onnx-model', options: { file: 'base.onnx' }, name: 'base' }, [
      attackOf('bpda', window(30), { attack: inner }),
    ])
    const trained = entryOf({ ...standard, name: 'base' }, [pgd20(window(30))])
    for (const results of [
      [resultOf(file), resultOf(trn, trained)],
      [resultOf(trn, trained), resultOf(file)],
    ]) {
      const [comparison, ...others] = evaluated('trn-bpda', ...results).comparisons
      expect(others).toEqual([])
      expect(comparison!.lower.defense).toBe('standard')
      expect(comparison!.differences[0]).toBeCloseTo(0.3, 12)
    }
  })

  test('is not tested without its base, nor without the full gradient', () => {
    expect(evaluated('trn-bpda', resultOf(trn, stranger)).notTested).toBe(
      'no result holds the model that TRN protects',
    )
    const { plugin, options: trained, training } = trn.defense
    const partial = entryOf({ plugin, options: trained, training: training! }, [bpda])
    expect(evaluated('trn-hard-to-bypass', resultOf(partial, base)).notTested).toBe(
      'TRN was not attacked by gradient-aware with modes containing full',
    )
  })
})

describe('SPA', () => {
  const transform = { kind: 'attribute', ranges: { rotation: [-10, 10] } } as const
  const threatModel = { norm: 'Linf', epsilon: 2 / 255, bounds: [0, 1], transform } as const
  const attacks = [
    attackOf('pgd', window(50)),
    attackOf('spatial', window(35), { method: 'first-order' }),
    attackOf('spatial', window(45), { method: 'grid' }),
    attackOf('spa', window(40), { noise: 'generator' }),
    attackOf('spa', window(30), { noise: 'free' }),
  ]

  test('is compared with the strongest other attack on the same model', () => {
    const result = resultOf(entryOf(pgdAt, attacks, { threatModel }))
    const [pgd] = evaluated('spa-below-pgd-pgd-at', result).comparisons
    expect(pgd?.lower.attacks).toMatchObject([{ options: { noise: 'free' } }])
    expect(pgd?.verdict).toBe('reproduced at this scale')
    const [attributes] = evaluated('spa-below-attributes-pgd-at', result).comparisons
    expect(attributes?.higher.attacks).toMatchObject([{ options: { method: 'first-order' } }])
    expect(attributes?.verdict).toBe('too close to tell')
  })

  test('needs a threat model with attributes', () => {
    const result = resultOf(entryOf(pgdAt, attacks))
    expect(evaluated('spa-below-pgd-pgd-at', result).notTested).toBe(
      'no result has a threat model with a transform of kind "attribute"',
    )
  })
})

describe('the diagnostic of amplitude and phase', () => {
  const threatModel = {
    norm: 'Linf',
    epsilon: 8 / 255,
    bounds: [0, 1],
    transform: { kind: 'exchange' },
  } as const
  const part = (name: string, correct: string) => ({
    ...attackOf('spectral-exchange', window(50), { part: name }),
    corrupted: { correct, accuracy: [...correct].filter((each) => each === '1').length / 100 },
  })
  const result = resultOf(
    entryOf(
      { plugin: 'standard', options: { network } },
      [
        part('amplitude', '1'.repeat(70) + '0'.repeat(30)),
        part('phase', '1'.repeat(20) + '0'.repeat(80)),
      ],
      { threatModel },
    ),
  )

  test('compares accuracies on all examples of one model', () => {
    const [comparison] = evaluated('phase-hurts-standard', result).comparisons
    expect(comparison).toMatchObject({
      higher: { mean: 0.7, attacks: [{ options: { part: 'amplitude' } }] },
      lower: { mean: 0.2, attacks: [{ options: { part: 'phase' } }] },
      verdict: 'reproduced at this scale',
    })
    expect(evaluated('amplitude-hurts-robust', result).notTested).toBe(
      'no result has a row of pgd-at',
    )
  })
})
