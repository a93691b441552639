/** Forecasts of the cost of a plan, against counted passes. */
import { describe, expect, test } from 'vitest'
import { expectedWork } from '../../../../core/bench/forecast/expected-passes.ts'
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
    verification: 0,
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

  test('counts all clean predictions, and for attacks the assumed robust share', () => {
    const { passes, etaMs } = expectedWork(plan(cells), {
      robustAccuracies: { a: 0.5, '*': 0.1 },
    })
    expect(passes).toEqual({ forward: 100 + 500 + 100, backward: 10 + 5 + 1 })
    // Attacks wait for clean predictions; then the longest of them takes 500 ms.
    expect(etaMs).toBe(100 + 500)
  })

  test('rejects an unknown defense', () => {
    expect(() =>
      expectedWork(plan(cells), { robustAccuracies: { c: 0.5 } }),
    ).toThrowErrorMatchingInlineSnapshot(
      '[ConfigError: --robust-accuracy c: unknown defense; did you mean "a"? (the suite has: ' +
        'a, b)]',
    )
  })

  describe('with completed units', () => {
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
    // PGD leaves the first 40 robust. AutoAttack is known for ten; 5 of them are among the 40, and
    // 4 of these stay robust.
    const finished = new Map([
      [key('pgd'), [shard(0, 'r'.repeat(40) + 'b'.repeat(60), 500)]],
      [key('autoattack'), [shard(35, 'rrrrbbbbbb', 4 * 50 + 6 * 5)]],
    ])
    const open = {
      ...both,
      cells: [{ ...both.cells[1]!, examples: 90, passes: { forward: 4500, backward: 0 } }],
    }

    test('uses the outcomes of a cheaper attack on all examples', () => {
      const { passes, etaMs } = expectedWork(
        { ...open, cells: [...open.cells, { ...both.cells[0]!, examples: 0 }] },
        { completed: finished },
      )
      expect(passes.forward).toBe(35 * (0.8 * 50 + 0.2 * 5) + 55 * 5)
      // The completed units took a millisecond per pass; one unit takes one of the two workers.
      expect(etaMs).toBe(passes.forward)
    })

    test('uses the plain sample if no other attack ran on all examples', () => {
      const { passes } = expectedWork(open, { completed: new Map([...finished].slice(1)) })
      expect(passes.forward).toBe(90 * (0.4 * 50 + 0.6 * 5))
    })

    test('says what the forecast rests on', () => {
      const partly = { ...open, cells: [{ ...open.cells[0]!, unitsDone: 1 }] }
      expect(expectedWork(partly, { completed: finished }).basis).toBe('completed')
      expect(expectedWork(plan(cells), {}).basis).toBe('bound')
      expect(expectedWork(plan(cells), { robustAccuracies: { '*': 0.5 } }).basis).toBe('assumed')
    })
  })

  describe('with an earlier run', () => {
    // Ten passes per robust example, three per broken one.
    const like = earlier([['a', 'pgd', 5 * 10 + 5 * 3]])

    test('uses the costs of robust and broken examples of that run', () => {
      const { passes, margin } = expectedWork(plan(cells), { like })
      // Planned clean predictions; 6.5 passes per new example for a; the upper bound for b, which
      // is unknown.
      expect(passes.forward).toBe(100 + 650 + 1000)
      expect(margin).toBeUndefined()
    })

    test('uses only the shares of a run with another seed', () => {
      const [, attack] = cells
      const { passes, margin } = expectedWork(plan([{ ...attack!, seed: 7 }]), { like })
      expect(passes.forward).toBe(650)
      // No example is known: all 100 are predicted from a sample of ten.
      expect(margin?.forward).toBe(Math.round(1.96 * Math.sqrt(100 * (59 - 6.5 ** 2) * 11)))
    })

    test('uses assumptions for other defenses', () => {
      const { passes } = expectedWork(plan(cells), { like, robustAccuracies: { '*': 0.5 } })
      expect(passes.forward).toBe(100 + 650 + 500)
    })

    test('has a margin if every attack is measured', () => {
      const { passes, margin } = expectedWork(plan(cells.slice(0, 2)), { like })
      expect(passes.forward).toBe(100 + 650)
      // Half cost 10, half 3 on average with an exponential distribution: variance 59 − 6.5², for
      // the 90 examples outside the 10.
      expect(margin?.forward).toBe(Math.round(1.96 * Math.sqrt(90 * (59 - 6.5 ** 2) * 10)))
    })

    test('rejects a run of other attacks', () => {
      expect(() =>
        expectedWork(plan(cells), { like: earlier([['a', 'square', 30]]) }),
      ).toThrowErrorMatchingInlineSnapshot(
        '[ConfigError: --like: the result of "earlier" has no completed attack of this ' +
          'suite; expected an attack with the same defense, threat model, and name]',
      )
    })
  })
})

test('an earlier run on other data is refused', () => {
  const like = earlier([['a', 'pgd', 30]])
  const other = like.entries.map((entry) => ({
    ...entry,
    dataset: { ...entry.dataset, sha256: 'other', title: 'Other' },
  }))
  expect(() =>
    expectedWork(plan([cell('a', 'pgd', 100)]), { like: { ...like, entries: other } }),
  ).toThrow('--like: the result of "earlier" is on other data (Other); expected a result on D')
})

test('an earlier run of another model under the same name is refused', () => {
  const like = earlier([['a', 'pgd', 30]])
  const entries = like.entries.map((entry) => ({
    ...entry,
    defense: { ...entry.defense, model: { ...entry.defense.model, hash: 'earlier' } },
  }))
  const planned = (model: string): PlanSummary => plan([{ ...cell('a', 'pgd', 100), model }])
  expect(() => expectedWork(planned('new'), { like: { ...like, entries } })).toThrow(
    '--like: the result of "earlier" has another model for "a", or reads its file in another way',
  )
  expect(() => expectedWork(planned('earlier'), { like: { ...like, entries } })).not.toThrow()
})

test('attacks on stochastic models cost their bound, whatever is assumed', () => {
  const stochastic = { ...cell('a', 'pgd', 1000), stochastic: true } as const
  const { passes } = expectedWork(plan([stochastic]), { robustAccuracies: { a: 0.1 } })
  expect(passes).toEqual({ forward: 1000, backward: 10 })
})

test('the expected time and its bound have one clock, that of the completed units', () => {
  const cells = [{ ...cell('a', 'pgd', 1000), passes: { forward: 1000, backward: 0 } }]
  const slow: CompletedShard = {
    start: 0,
    outcomes: 'r'.repeat(50) + 'b'.repeat(50),
    forwardPasses: 600,
    backwardPasses: 0,
    // Seven times as slow as the timed passes.
    elapsedMs: 4200,
  }
  const key = namedCellKey({ defense: 'a', threatModel, attack: 'pgd', seed: 0 })
  const open = { ...plan(cells), dataset: { ...plan(cells).dataset, examples: 200 } }
  const { etaMs, mostMs } = expectedWork(open, { completed: new Map([[key, [slow]]]) })
  expect(etaMs).toBe(4200)
  expect(mostMs).toBe(7000)
})

/** The result of a run on ten examples. @param attacks defense, attack, and its forward passes */
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

test('the strata of 2,000 completed attacks are found in one pass over the plan', () => {
  let reads = 0
  const names = Array.from({ length: 2000 }, (_, i) => `attack-${i}`)
  const cells = names.map((name) => cell('a', name, 500))
  const shards = new Map(
    cells.map((one, i): [string, CompletedShard[]] => [
      namedCellKey(one),
      [
        {
          start: 0,
          outcomes: `${'r'.repeat(50 + (i % 40))}${'b'.repeat(50 - (i % 40))}`,
          forwardPasses: 100,
          backwardPasses: 10,
        },
      ],
    ]),
  )
  const completed = {
    get: (key: string) => {
      reads++
      return shards.get(key)
    },
  } as ReadonlyMap<string, readonly CompletedShard[]>
  expectedWork(plan(cells), { completed })
  // A cell is looked up a few times; with one look at each pair, this would be 4,000,000.
  expect(reads).toBeLessThan(20 * cells.length)
})
