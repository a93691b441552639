/** Ranks say no more than the intervals do, and only what is comparable is compared. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ThreatModel } from '../../core/threat/threat-model.ts'
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
    const l2 = boardEntry('b', [9, 5, 3], {
      threatModel: { norm: 'L2', epsilon: 0.5, bounds: [0, 1] },
    })
    expect(rankTables([...board(), l2]).map(({ anchor }) => anchor)).toEqual([
      'cifar10-l2-0.5',
      'cifar10-linf-8-255',
      'fashion-mnist-linf-0.1',
    ])
  })

  test('other ranges of attributes are another table, in one folder they are refused', () => {
    const transform = { kind: 'attribute', ranges: { rotation: [-10, 10] } } as const
    const threatModel = { norm: 'Linf', epsilon: 0, bounds: [0, 1], transform } as const
    const a = boardEntry('a', [9, 5, 3], { threatModel })
    const wider: ThreatModel = {
      ...threatModel,
      transform: { ...transform, ranges: { rotation: [-30, 30] } },
    }
    const b = { ...a, id: 'b', threatModel: wider }
    expect(rankTables([a, b])).toHaveLength(2)
    // Beyond the digits of a folder's name.
    const amplitude = (mix: number): typeof a => ({
      ...a,
      id: `mix-${mix}`,
      threatModel: { ...threatModel, transform: { kind: 'amplitude', mix, scale: 0 } },
    })
    expect(() => rankTables([amplitude(0.12345678), amplitude(0.12345679)])).toThrow(
      'threatModel.transform is',
    )
  })

  test('an entry that met other attacks stands in a table of its own', () => {
    const easy = boardEntry('easy', [9000, 8000, 7000])
    const weaker = { ...easy, attacks: easy.attacks.slice(0, 1), worstCase: { robust: 8000 } }
    const tables = rankTables([...board(), weaker])
    expect(tables.map(({ anchor, rows }) => [anchor, rows.length])).toEqual([
      ['cifar10-linf-8-255', 7],
      ['cifar10-linf-8-255-2', 1],
      ['fashion-mnist-linf-0.1', 2],
    ])
  })

  test('neither order nor name nor seed of the attacks separates entries', () => {
    const one = boardEntry('one', [9000, 8000, 7000])
    const attacks = one.attacks.map((attack, i) => ({ ...attack, name: `attack ${i}`, seed: 7 }))
    const other = { ...one, id: 'other', attacks: attacks.toReversed() }
    const [table, ...others] = rankTables([one, other])
    expect(others).toEqual([])
    const columns = table!.rows.map(({ attacks: all }) => all.map(({ attack }) => attack.plugin))
    expect(columns).toEqual([
      ['fgsm', 'pgd'],
      ['fgsm', 'pgd'],
    ])
  })

  test('entries of one folder on different data are refused', () => {
    const entry = boardEntry('b', [9, 5, 3])
    const other = { ...entry, dataset: { ...entry.dataset, sha256: '0'.repeat(64) } }
    expect(() =>
      rankTables([boardEntry('a', [9, 5, 3]), other]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: cifar10/linf-8-255/b.json: dataset.sha256 is 0000000000000000000000000000000000000000000000000000000000000000, but 808045809b88318005a5b96ecbdd1ff54a390f7fdf4b91de03773109d1dddf63 in cifar10/linf-8-255/a.json; entries of one folder must be measured on the same benchmark]`,
    )
  })

  test('a better count never has a worse rank, and peers are mutual', () => {
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
