/** What a plan says that a run will take, against what the run takes. */
import { describe, expect, test } from 'vitest'
import { expectedWork } from '../../../core/run/expected-passes.ts'
import type { CellSummary, PlanSummary } from '../../../core/run/plan-summary.ts'
import type { RunResult } from '../../../core/run/result.ts'

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
    examples: 100,
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
    const { passes, etaMs } = expectedWork(plan(cells), {
      robustAccuracies: { a: 0.5, '*': 0.1 },
    })
    expect(passes).toEqual({ forward: 100 + 500 + 100, backward: 10 + 5 + 1 })
    expect(etaMs).toBe(350)
  })

  test('refuses a defense that is not there', () => {
    expect(() =>
      expectedWork(plan(cells), { robustAccuracies: { c: 0.5 } }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: --robust-accuracy c: the suite has no such defense; did you mean "a"? (it has: a, b)]`,
    )
  })

  describe('with a run like it', () => {
    test('is what the same attacks took an example there', () => {
      const { passes, etaMs } = expectedWork(plan(cells), { like: earlier([['a', 'pgd', 30]]) })
      // Clean predictions as planned, 100 × 3 for a's attack, at most for b's, of which nothing is known.
      expect(passes).toEqual({ forward: 100 + 300 + 1000, backward: 10 + 100 + 10 })
      expect(etaMs).toBe(Math.round((100 + (1000 * 500) / 1020 + 1000) / 2))
    })

    test('takes assumptions for the others', () => {
      const { passes } = expectedWork(plan(cells), {
        like: earlier([['a', 'pgd', 30]]),
        robustAccuracies: { '*': 0.5 },
      })
      expect(passes.forward).toBe(100 + 300 + 500)
    })

    test('refuses a run of other attacks', () => {
      expect(() =>
        expectedWork(plan(cells), { like: earlier([['a', 'square', 30]]) }),
      ).toThrowErrorMatchingInlineSnapshot(
        `[ConfigError: --like: the result of "earlier" has no finished attack of this suite: expected one with the same defense, threat model and name of attack]`,
      )
    })
  })
})

/** The result of a run on ten examples. @param attacks defense, attack, its forward passes */
function earlier(attacks: readonly (readonly [string, string, number])[]): RunResult {
  const identity = { plugin: 'p', version: 1, options: {} }
  return {
    schemaVersion: 1,
    suite: { id: 'earlier', title: 'Earlier', sha256: '' },
    robenchVersion: '0.1.0',
    startedAt: '',
    finishedAt: '',
    environment: { node: '', onnxruntime: '', platform: '', cpu: '', device: 'cpu', workers: 1 },
    entries: attacks.map(([defense, attack, forwardPasses]) => ({
      defense: { name: defense, ...identity, model: { sha256: '', bytes: 0, parameters: 0 } },
      dataset: { id: 'd', title: 'D', sha256: '', toy: true, examples: 10, total: 100 },
      threatModel,
      cleanOutcomes: '1111111111',
      cleanAccuracy: 1,
      attacks: [
        {
          state: 'completed',
          attack: { name: attack, ...identity },
          seed: 0,
          outcomes: 'rrrrrrrrrr',
          robustAccuracy: 1,
          forwardPasses,
          backwardPasses: 10,
          elapsedMs: 1,
        },
      ],
      rankable: false,
      reasons: [],
    })),
  }
}
