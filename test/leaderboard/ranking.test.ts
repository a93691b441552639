/** Ranks follow from paired tests; tables and rows contain what is comparable. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { wilsonInterval } from '../../core/bench/metrics/interval.ts'
import type { ThreatModel } from '../../core/threat/threat-model.ts'
import type { EntryAttack, LeaderboardEntry } from '../../leaderboard/entry-type.ts'
import { packOutcomes } from '../../leaderboard/packed-outcomes.ts'
import { rankTables } from '../../leaderboard/ranking.ts'
import { assignRanks } from '../../leaderboard/ranks.ts'
import { robustMask } from '../../leaderboard/outcome-masks.ts'
import { hashOf } from '../reports/fixture.ts'
import { board, boardEntry } from './fixture.ts'

const base = boardEntry('x', [9000, 9000, 9000])

/** The attack with these outcomes, and only the counts that ranking reads. */
function outcomesOf(attack: EntryAttack, outcomes: string): EntryAttack {
  return { ...attack, outcomes: packOutcomes(outcomes) }
}

/** A model of which AutoAttack leaves the examples robust that `isRobust` says. */
function model(id: string, isRobust: (example: number) => boolean): LeaderboardEntry {
  const outcomes = Array.from({ length: 10_000 }, (_, i) => (isRobust(i) ? 'r' : 'b')).join('')
  return {
    ...base,
    id,
    title: id,
    model: { ...base.model, sha256: hashOf(id) },
    clean: { correct: 10_000 },
    attacks: base.attacks.slice(1).map((attack) => outcomesOf(attack, outcomes)),
    worstCase: { robust: outcomes.replaceAll('b', '').length },
  }
}

/** Robust up to a place, except that some before it are broken and as many more behind robust. */
function window(end: number, lost: number, gained: number): (i: number) => boolean {
  return (i) => (i >= lost && i < end) || (i >= end && i < end + gained)
}

function ranksOf(entries: readonly LeaderboardEntry[]): string[] {
  const [table] = rankTables(entries)
  return table!.rows.map(({ entry, rank }) => `${entry.id} ${rank.best}–${rank.worst}`)
}

describe('ranks', () => {
  test('0.6 points are told apart at 10,000 examples, where disjoint intervals need 1.8', () => {
    // 200 examples are robust in the first model only, 140 in the second only.
    const [table] = rankTables([
      model('first', window(3000, 0, 0)),
      model('second', window(3000, 200, 140)),
    ])
    const [first, second] = table!.rows
    expect(first!.bestKnown.fraction - second!.bestKnown.fraction).toBeCloseTo(0.006, 12)
    expect(second!.rank).toEqual({ best: 2, worst: 2 })
    expect(second!.comparison).toMatchObject({ onlyLeader: 200, onlyModel: 140 })
    // 2 Σ C(340, k) / 2³⁴⁰ for k ≤ 140, by integer arithmetic in Python.
    expect(second!.comparison!.p).toBeCloseTo(0.0013410446705104078, 12)
    const { low } = wilsonInterval(3000, 10_000)
    expect(wilsonInterval(3000 - 178, 10_000).high).toBeGreaterThan(low)
    expect(wilsonInterval(3000 - 179, 10_000).high).toBeLessThan(low)
  })

  test('a difference on many disagreeing examples is no evidence', () => {
    expect(ranksOf([model('a', window(3000, 0, 0)), model('b', window(3000, 530, 470))])).toEqual([
      'a 1–2',
      'b 1–2',
    ])
  })

  test('each model is compared with the leader of its rank, so ranks do not drift', () => {
    // Neighbors differ on 15 more and 10 fewer examples: never told apart from each other.
    const drift = Array.from({ length: 9 }, (_, k) =>
      model(`m${k}`, (i) => i >= 15 * k && i < 3000 + 10 * k),
    )
    const ranks = ranksOf(drift)
    expect(ranks[0]).toBe('m0 1–8')
    expect(ranks.at(-1)).toBe('m8 9–9')
  })

  test('more models below a leader make the correction stricter', () => {
    const leader = model('leader', window(3000, 0, 0))
    // p = 0.028 for 116 and 84.
    const close = model('close', window(3000, 116, 84))
    expect(ranksOf([leader, close])).toEqual(['leader 1–1', 'close 2–2'])
    const closer = model('closer', window(3000, 115, 84))
    expect(ranksOf([leader, close, closer])).toEqual(['leader 1–3', 'closer 1–3', 'close 1–3'])
  })

  test('ranks are those of Holm over all models below each leader', () => {
    const robust = fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 400 }))
    fc.assert(
      fc.property(fc.array(robust, { minLength: 1, maxLength: 12 }), (windows) => {
        const entries = windows.map(([lost, gained], i) => {
          const outcomes = Array.from({ length: 1000 }, (_, at) =>
            window(500, lost, gained)(at) ? 'r' : 'b',
          )
          return { outcomes: packOutcomes(outcomes.join('')), count: 500 - lost + gained, i }
        })
        const sorted = entries.toSorted((a, b) => b.count - a.count)
        const ranks = assignRanks(sorted.map(robustMask))
        expect(ranks[0]!.best).toBe(1)
        expect(ranks.at(-1)!.worst).toBe(sorted.length)
        for (const [at, { best, worst, test: against }] of ranks.entries()) {
          expect(best).toBeLessThanOrEqual(at + 1)
          expect(worst).toBeGreaterThanOrEqual(at + 1)
          expect(ranks[best - 1]!.best).toBe(best)
          if (at === 0) continue
          // Against the leader of its own rank without evidence, or of the rank above with it.
          expect(against!.p < 0.05).toBe(best === at + 1)
          expect(against!.leader).toBe((best === at + 1 ? ranks[at - 1]! : ranks[at]!).best - 1)
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('rankTables', () => {
  test('sorts by best known accuracy', () => {
    expect(ranksOf(board())).toEqual([
      'trn 1–1',
      'trades 2–2',
      'pgd-at 3–3',
      'smooth 4–4',
      'freq 5–5',
      'quantized 6–6',
      'standard 7–7',
    ])
  })

  test('has one table per data set and threat model', () => {
    const l2 = boardEntry('b', [9000, 5000, 3000], {
      threatModel: { norm: 'L2', epsilon: 0.5, bounds: [0, 1] },
    })
    expect(rankTables([...board(), l2]).map(({ anchor }) => anchor)).toEqual([
      'cifar10-l2-0.5',
      'cifar10-linf-8-255',
      'fashion-mnist-linf-0.1',
    ])
  })

  test('different transforms are in separate tables; the same directory is rejected', () => {
    const transform = { kind: 'attribute', ranges: { rotation: [-10, 10] } } as const
    const threatModel = { norm: 'Linf', epsilon: 0, bounds: [0, 1], transform } as const
    const a: LeaderboardEntry = { ...boardEntry('a', [9000, 5000, 3000]), threatModel }
    const wider: ThreatModel = {
      ...threatModel,
      transform: { ...transform, ranges: { rotation: [-30, 30] } },
    }
    const b = { ...a, id: 'b', threatModel: wider }
    expect(rankTables([a, b])).toHaveLength(2)
    // These differ only in digits that the directory name omits.
    const amplitude = (mix: number): LeaderboardEntry => ({
      ...a,
      id: `mix-${mix}`,
      threatModel: { ...threatModel, transform: { kind: 'amplitude', mix, scale: 0 } },
    })
    expect(() => rankTables([amplitude(0.12345678), amplitude(0.12345679)])).toThrow(
      'cifar10/amplitude-0.123457-0/mix-0.12345679.json: threatModel.transform is',
    )
  })

  test('columns are the reference set; further attacks count into best known', () => {
    const plain = model('plain', window(4000, 0, 0))
    const further = model('further', window(5000, 0, 0))
    const [attack] = further.attacks
    const own = { ...attack!, name: 'own', plugin: 'own', package: 'own-attacks' }
    // It breaks the first 2,000 examples.
    const outcomes = Array.from({ length: 10_000 }, (_, i) => (i < 2000 ? 'b' : 'r')).join('')
    const adapted = { ...further, attacks: [attack!, outcomesOf(own, outcomes)] }
    const [table, ...others] = rankTables([plain, adapted])
    expect(others).toEqual([])
    expect(table!.attacks).toEqual(['autoattack'])
    expect(
      table!.rows.map(({ entry, columns, reference, bestKnown }) => [
        entry.id,
        columns.map((robust) => robust?.count),
        reference?.count,
        bestKnown.count,
      ]),
    ).toEqual([
      ['plain', [4000], 4000, 4000],
      ['further', [5000], 5000, 3000],
    ])
  })

  test('entries of one model are one row with the minimum per example over all of them', () => {
    const first = model('one', window(4000, 0, 0))
    const second = { ...model('two', window(4000, 100, 50)), model: first.model }
    const other = model('other', window(3899, 0, 0))
    const places = ['cifar10/linf-8-255/two', 'cifar10/linf-8-255/one']
    for (const checked of [[], places]) {
      const [table] = rankTables([first, second, other], { checked: new Set(checked) })
      expect(
        table!.rows.map(({ bestKnown, modelEvidence }) => [bestKnown.count, modelEvidence]),
      ).toEqual([
        // 100 to 4000.
        [3900, checked.length > 0 ? 'checked' : 'self-reported'],
        [3899, 'self-reported'],
      ])
    }
  })

  test('beside a checked entry of the model, a self-reported one does not count', () => {
    const first = model('one', window(4000, 0, 0))
    const second = { ...model('two', window(4000, 100, 50)), model: first.model }
    const other = model('other', window(3899, 0, 0))
    const [table] = rankTables([first, second, other], {
      checked: new Set(['cifar10/linf-8-255/two']),
    })
    expect(table!.rows.map(({ entry, bestKnown }) => [entry.id, bestKnown.count])).toEqual([
      ['two', 3950],
      ['other', 3899],
    ])
    const [merged] = table!.rows
    expect(merged!.members.map(({ location, evidence }) => [location, evidence])).toEqual([
      ['cifar10/linf-8-255/two', 'checked'],
      ['cifar10/linf-8-255/one', 'self-reported'],
    ])
    expect(merged!.modelEvidence).toBe('checked')
    expect(merged!.members.map(({ worstCase }) => worstCase.count)).toEqual([3950, 4000])
  })

  test('a changed copy leads no row by its date, or by what it adds to the broken examples', () => {
    const original = boardEntry('z', [9000, 5000, 3000])
    const { run } = original
    const copy = {
      ...boardEntry('a', [9000, 5000, 2999]),
      model: original.model,
      run: { ...run, finishedAt: '2026-01-01T00:00:00.000Z' },
    }
    const [table] = rankTables([copy, original])
    expect(table!.rows[0]!.members.map(({ entry }) => entry.id)).toEqual(['z', 'a'])
  })

  test('entries of one directory with different data are rejected', () => {
    const entry = boardEntry('b', [9000, 5000, 3000])
    const other = { ...entry, dataset: { ...entry.dataset, sha256: '0'.repeat(64) } }
    expect(() =>
      rankTables([boardEntry('a', [9000, 5000, 3000]), other]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: cifar10/linf-8-255/b.json: dataset.sha256 is 0000000000000000000000000000000000000000000000000000000000000000, but cifar10/linf-8-255/a.json has 054c114fe3c9b8e97130b8a3c530648056ee2b6f6d4cc33d35742f1948213b6d; entries in one directory must use the same data and threat model]`,
    )
  })
})
