/** What a plan says that a run will take, against what the run takes. */
import { describe, expect, test } from 'vitest'
import { expectedWork } from '../../../core/run/expected-passes.ts'
import type { CellSummary, PlanSummary } from '../../../core/run/plan-summary.ts'

const threatModel = { norm: 'Linf', epsilon: 0.1, bounds: [0, 1] } as const

function cell(defense: string, attack: string | null, forward: number): CellSummary {
  return {
    id: `${defense} ${attack}`,
    defense,
    threatModel,
    kind: attack === null ? 'clean' : 'attack',
    attack,
    seed: attack === null ? null : 0,
    units: 1,
    unitsDone: 0,
    passes: { forward, backward: 10 },
    etaMs: forward,
  }
}

function plan(cells: readonly CellSummary[]): PlanSummary {
  return {
    suite: { id: 's', title: 'S', sha256: '' },
    dataset: { id: 'd', title: 'D', sha256: '', examples: 100, total: 100 },
    folder: '',
    workers: 2,
    cells,
    units: cells.length,
    unitsDone: 0,
    passes: { forward: 0, backward: 0 },
    etaMs: 1,
    training: [],
  }
}

describe('the expected work', () => {
  const cells = [cell('a', null, 100), cell('a', 'pgd', 1000), cell('b', 'pgd', 1000)]

  test('counts clean predictions in full, and of attacks the share that stays robust', () => {
    const { passes, etaMs } = expectedWork(plan(cells), { a: 0.5, '*': 0.1 })
    expect(passes).toEqual({ forward: 100 + 500 + 100, backward: 10 + 5 + 1 })
    expect(etaMs).toBe(350)
  })

  test('refuses a defense that is not there', () => {
    expect(() => expectedWork(plan(cells), { c: 0.5 })).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: --robust-accuracy c: the suite has no such defense; did you mean "a"? (it has: a, b)]`,
    )
  })
})
