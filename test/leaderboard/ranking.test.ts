/** Ranks respect the intervals, and tables contain only comparable entries. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ThreatModel } from '../../core/threat/threat-model.ts'
import type { LeaderboardEntry } from '../../leaderboard/entry-type.ts'
import { rankTables } from '../../leaderboard/ranking.ts'
import { board, boardEntry } from './fixture.ts'

describe('rankTables', () => {
  test('sorts by worst case and gives overlapping entries a range of ranks', () => {
    const [cifar] = rankTables(board())
    expect(cifar!.rows.map(({ entry, rank }) => `${entry.id} ${rank.best}–${rank.worst}`)).toEqual([
      'trn 1–3',
      'trades 1–3',
      'pgd-at 1–3',
      'smooth 4–5',
      'freq 4–5',
      'quantized 6–6',
      'standard 7–7',
    ])
    expect(cifar!.rows[3]!.peers.map(({ id }) => id)).toEqual(['freq'])
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

  test('an entry with other attacks is in a separate table', () => {
    const easy = boardEntry('easy', [9000, 8000, 7000])
    const weaker = { ...easy, attacks: easy.attacks.slice(0, 1), worstCase: { robust: 8000 } }
    const tables = rankTables([...board(), weaker])
    expect(tables.map(({ anchor, rows }) => [anchor, rows.length])).toEqual([
      ['cifar10-linf-8-255', 7],
      ['cifar10-linf-8-255-2', 1],
      ['fashion-mnist-linf-0.1', 2],
    ])
  })

  test('order, names, and seeds of the attacks do not separate entries', () => {
    const one = boardEntry('one', [9000, 8000, 7000])
    const attacks = one.attacks.map((attack, i) => ({ ...attack, name: `attack ${i}`, seed: 7 }))
    const other = { ...one, id: 'other', attacks: attacks.toReversed() }
    const [table, ...others] = rankTables([one, other])
    expect(others).toEqual([])
    const columns = table!.rows.map(({ attacks: all }) => all.map(({ attack }) => attack.plugin))
    expect(columns).toEqual([
      ['fgsm', 'autoattack'],
      ['fgsm', 'autoattack'],
    ])
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

  test('a higher count never has a worse rank, and peers are mutual', () => {
    const base = boardEntry('x', [9000, 9000, 9000])
    const entry = (robust: number, i: number): typeof base => ({
      ...base,
      id: `e${i}`,
      worstCase: { robust },
    })
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9000 }), { minLength: 1, maxLength: 12 }),
        (counts) => {
          const [table] = rankTables(counts.map(entry))
          const { rows } = table!
          expect(rows[0]!.rank.best).toBe(1)
          expect(rows.at(-1)!.rank.worst).toBe(rows.length)
          for (const [i, row] of rows.entries()) {
            expect(row.rank.best).toBeLessThanOrEqual(i + 1)
            expect(row.rank.worst).toBeGreaterThanOrEqual(i + 1)
            expect(row.rank.worst - row.rank.best).toBe(row.peers.length)
            expect(row.rank.best).toBeGreaterThanOrEqual(rows[i - 1]?.rank.best ?? 1)
            for (const peer of row.peers) {
              const back = rows.find((other) => other.entry === peer)
              expect(back!.peers).toContain(row.entry)
            }
          }
        },
      ),
    )
  })
})
