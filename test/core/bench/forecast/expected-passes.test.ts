/** What a plan says that a run will take, against what the run takes. */
import { describe, expect, test } from 'vitest'
import { expectedWork, hasForecast } from '../../../../core/bench/forecast/expected-passes.ts'
import { namedCellKey } from '../../../../core/bench/forecast/completed-shards.ts'
import type { CompletedShard } from '../../../../core/bench/forecast/completed-shards.ts'
import type { CellSummary, PlanSummary } from '../../../../core/bench/forecast/plan-summary.ts'
import type { RunResult } from '../../../../core/bench/result/result.ts'

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
      `[ConfigError: --robust-accuracy c: unknown defense; did you mean "a"? (the suite has: a, b)]`,
    )
  })

  describe('with finished units', () => {
    const shard = (start: number, outcomes: string, forwardPasses: number): CompletedShard => ({
      start,
      outcomes,
      forwardPasses,
      backwardPasses: 0,
      elapsedMs: forwardPasses,
    })
    const key = (attack: string | null): string =>
      namedCellKey({ defense: 'a', threatModel, attack, seed: attack === null ? null : 0 })
    const both = plan([cell('a', 'pgd', 0), cell('a', 'autoattack', 5000)])
    // PGD leaves the first 40 robust; 5 of the ten whose AutoAttack is known are among them, and 4 of these stay robust.
    const finished = new Map([
      [key('pgd'), [shard(0, 'r'.repeat(40) + 'b'.repeat(60), 500)]],
      [key('autoattack'), [shard(35, 'rrrrbbbbbb', 4 * 50 + 6 * 5)]],
    ])
    const open = {
      ...both,
      cells: [{ ...both.cells[1]!, examples: 90, passes: { forward: 4500, backward: 0 } }],
    }

    test('counts by what a cheaper attack has found on all examples', () => {
      const { passes, etaMs } = expectedWork(
        { ...open, cells: [...open.cells, { ...both.cells[0]!, examples: 0 }] },
        { completed: finished },
      )
      expect(passes.forward).toBe(35 * (0.8 * 50 + 0.2 * 5) + 55 * 5)
      // By the clock of the finished units, a millisecond a pass, on two workers.
      expect(etaMs).toBe(Math.round(passes.forward / 2))
    })

    test('takes the sample as it is where no other attack has seen all examples', () => {
      const { passes } = expectedWork(open, { completed: new Map([...finished].slice(1)) })
      expect(passes.forward).toBe(90 * (0.4 * 50 + 0.6 * 5))
    })

    test('tells whether they tell of every attack', () => {
      expect(hasForecast(open, finished)).toBe(true)
      expect(hasForecast(plan(cells), finished)).toBe(false)
    })
  })

  describe('with a run like it', () => {
    // Ten passes of each robust example, three of each broken one.
    const like = earlier([['a', 'pgd', 5 * 10 + 5 * 3]])

    test('is what robust and broken examples took there', () => {
      const { passes, margin } = expectedWork(plan(cells), { like })
      // Clean predictions as planned, 6.5 a new example of a's attack, at most for b's, of which nothing is known.
      expect(passes.forward).toBe(100 + 650 + 1000)
      expect(margin).toBeUndefined()
    })

    test('with another seed, tells of the shares alone', () => {
      const [, attack] = cells
      const { passes, margin } = expectedWork(plan([{ ...attack!, seed: 7 }]), { like })
      expect(passes.forward).toBe(650)
      // No example is known: all 100 are drawn anew, from a sample of ten.
      expect(margin?.forward).toBe(Math.round(1.96 * Math.sqrt(100 * (59 - 6.5 ** 2) * 11)))
    })

    test('takes assumptions for the others', () => {
      const { passes } = expectedWork(plan(cells), { like, robustAccuracies: { '*': 0.5 } })
      expect(passes.forward).toBe(100 + 650 + 500)
    })

    test('says how far off it may be if all is known', () => {
      const { passes, margin } = expectedWork(plan(cells.slice(0, 2)), { like })
      expect(passes.forward).toBe(100 + 650)
      // Half at 10, half at 3 with an exponential spread: 59 - 6.5², of the 90 examples that are not among the 10.
      expect(margin?.forward).toBe(Math.round(1.96 * Math.sqrt(90 * (59 - 6.5 ** 2) * 10)))
    })

    test('refuses a run of other attacks', () => {
      expect(() =>
        expectedWork(plan(cells), { like: earlier([['a', 'square', 30]]) }),
      ).toThrowErrorMatchingInlineSnapshot(
        `[ConfigError: --like: the result of "earlier" has no completed attack of this suite; expected an attack with the same defense, threat model, and name]`,
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
          outcomes: 'rrrrrbbbbb',
          robustAccuracy: 0.5,
          forwardPasses,
          backwardPasses: 1,
          elapsedMs: 1,
        },
      ],
      rankable: false,
      reasons: [],
    })),
  }
}
