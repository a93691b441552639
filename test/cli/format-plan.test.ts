/** The plan as text. */
import { expect, test } from 'vitest'
import { formatPlan } from '../../cli/format-plan.ts'
import type { ExpectedWork } from '../../core/bench/forecast/expected-passes.ts'
import type { CellSummary, PlanSummary } from '../../core/bench/forecast/plan-summary.ts'

const threatModel = { norm: 'Linf', epsilon: 8 / 255, bounds: [0, 1] } as const

function cell(defense: string, attack: string | null): CellSummary {
  return {
    id: null,
    defense,
    threatModel,
    kind: attack === null ? 'clean' : 'attack',
    attack,
    seed: attack === null ? null : 0,
    units: 20,
    unitsDone: 0,
    examples: 10_000,
    passes: { forward: 100, backward: 50 },
    verification: 10_000,
  }
}

function planOf(cells: readonly CellSummary[], changes: Partial<PlanSummary> = {}): PlanSummary {
  return {
    suite: { id: 's', title: 'CIFAR-10, Linf 8/255', sha256: '' },
    dataset: { id: 'cifar10', title: 'CIFAR-10', sha256: '', examples: 10_000, total: 10_000 },
    folder: 'results/s-00000000',
    workers: 2,
    cells,
    units: 162,
    unitsDone: 0,
    passes: { forward: 2_000_000, backward: 1_000_000 },
    etaMs: 90_000,
    training: [],
    ...changes,
  }
}

const names = ['standard', 'pgd-at']
const attacks = [null, 'fgsm', 'pgd', 'apgd-ce']
const cells = names.flatMap((name) => attacks.map((attack) => cell(name, attack)))

const expected: ExpectedWork = {
  passes: { forward: 1000, backward: 500 },
  basis: 'survey',
  etaMs: 60_000,
  mostMs: 80_000,
}

test('a plan leads with the expected time, and states the bound and the assumption', () => {
  const survey = { examples: 64, robust: [0.02, 0.41], assumed: false } as const
  expect(formatPlan(planOf(cells, { survey }), expected)).toBe(
    [
      'CIFAR-10, Linf 8/255',
      '  expected 1 min 00 s, at most 1 min 20 s, on 2 workers, as timed now',
      '           if 2 % to 41 % stay robust (as for ten steps of PGD on 64 examples)',
      '  data     CIFAR-10, all 10,000 examples',
      '  threat   L∞ ≤ 8/255',
      '  work     6 evaluations (2 models × 3 attacks), 162 resumable chunks, 0 done',
      '  passes   1,000 forward, 500 backward; at most 2,000,000 forward, 1,000,000',
      '           backward',
      '  results  results/s-00000000',
      '',
    ].join('\n'),
  )
})

test.each<[Partial<PlanSummary>, Partial<ExpectedWork>, string]>([
  [
    { survey: { examples: 16, robust: [0.4, 0.4], assumed: true } },
    {},
    '           if 40 % stay robust (assumed: half of those classified correctly)\n',
  ],
  [{}, { basis: 'completed' }, '           by the chunks that are done\n'],
  [{}, { basis: 'earlier' }, '           by the earlier result\n'],
  [{}, { basis: 'assumed' }, '           by the stated robust accuracy\n'],
  [{}, {}, '           if every example stays robust\n'],
])('what the expected time rests on: %j %j', (changes, basis, line) => {
  expect(formatPlan(planOf(cells, changes), { ...expected, ...basis })).toContain(line)
})

test('before training, no time is known', () => {
  const training = [{ defense: 'pgd-at', threatModel }]
  const { etaMs: _unknown, ...plan } = planOf(cells, { training })
  expect(formatPlan(plan)).toContain('  expected the time is known when all models are trained\n')
})

test('a plan in which not every combination is evaluated states only their number', () => {
  expect(formatPlan(planOf(cells.slice(0, -1)))).toContain('  work     5 evaluations, 162')
})

test('a finished plan has no costs; a limit and models to train are stated', () => {
  const dataset = { ...planOf([]).dataset, examples: 200 }
  const training = [{ defense: 'pgd-at', threatModel }]
  const text = formatPlan(planOf(cells, { unitsDone: 162, dataset, training }))
  expect(text).not.toMatch(/passes|time/)
  expect(text).toContain('the first 200 of 10,000 examples (not rankable)')
  expect(text).toContain('  to train pgd-at\n')
})

test('expected passes have their relative margin', () => {
  const margin = { forward: 31, backward: 10 }
  expect(formatPlan(planOf(cells), { ...expected, basis: 'completed', margin })).toContain(
    '  passes   1,000 forward, 500 backward (± 3.1 %); at most 2,000,000 forward,\n',
  )
})

test('no line is longer than 80 characters, but for words', () => {
  const title = 'A suite with a title '.repeat(6).trim()
  const lines = formatPlan(planOf(cells, { suite: { id: 's', title, sha256: '' } })).split('\n')
  expect(lines.filter((line) => line.length > 80)).toEqual([])
  expect(lines.slice(0, 2).join(' ')).toBe(title)
})
