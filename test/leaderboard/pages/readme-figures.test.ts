/**
 * README.md, the entries, and docs/leaderboard.png show the same figures. `npm run docs:screenshot`
 * makes the picture.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { packageRoot } from '../../../core/base/paths.ts'
import { readEntryFiles, renderWholeSite } from '../../../leaderboard/build.ts'
import type { LeaderboardEntry } from '../../../leaderboard/entry-type.ts'
import { percentDigits, percentRange } from '../../../reports/theme/figures.ts'
import { proportion } from '../../../reports/theme/proportion.ts'
import { threatModelText } from '../../../reports/theme/threat-text.ts'
import { pictureHash, readRecord, record, sourceHash } from '../../docs/board-source.mjs'
import { boardEntry } from '../fixture.ts'

/** A table of accuracies in Markdown, with the paragraph before it. */
interface FiguresTable {
  readonly before: string
  /** Data set and threat model, then the measures. */
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** The tables with cells such as `85.62 % (84.92–86.29)`. */
function figuresTables(text: string): FiguresTable[] {
  const blocks = text.split(/\n{2,}/)
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  return blocks.flatMap((block, at) => {
    if (!block.startsWith('|') || !/\d % \(/.test(block)) return []
    const [head = '', , ...rows] = block.trim().split('\n')
    return [{ before: blocks[at - 1] ?? '', head: cells(head), rows: rows.map(cells) }]
  })
}

/** What the table must say instead, by row and column; empty if it shows the entries. */
function differences({ head, rows }: FiguresTable, entries: readonly LeaderboardEntry[]): string[] {
  const [benchmark, ...measures] = head
  return rows.flatMap(([model = '', ...cells]) => {
    const name = /`([^`]+)`/.exec(model)?.[1]
    const entry = entries.find(
      ({ dataset, threatModel, defense }) =>
        defense.name === name && `${dataset.title}, ${threatModelText(threatModel)}` === benchmark,
    )
    if (!entry) return [`${benchmark}: no entry of the defense ${name}`]
    return measures.flatMap((measure, column) => {
      if (!cells[column]!.includes('%')) return []
      const expected = figureOf(entry, measure.split(/[\s,]/)[0]!)
      return cells[column] === expected ? [] : [`${name}, ${measure}: ${expected}`]
    })
  })
}

/** `85.62 % (84.92–86.29)` of `clean` or of the attack of that plugin. */
function figureOf({ clean, attacks, dataset }: LeaderboardEntry, measure: string): string {
  const count =
    measure === 'clean'
      ? clean.correct
      : attacks.find(({ name, plugin }) => [name, plugin].includes(measure))?.robust
  if (count === undefined) return `no attack ${measure}`
  const { fraction, interval } = proportion(count, dataset.examples)
  return `${percentDigits(fraction)} % (${percentRange(interval)})`
}

const found = readEntryFiles(join(packageRoot(), 'leaderboard', 'entries'))
const entries = found.map(({ entry }) => entry)
const tables = figuresTables(readFileSync(join(packageRoot(), 'README.md'), 'utf8'))

test('README.md has the figures of the entries; without entries, only those of named suites', () => {
  expect(tables.length).toBeGreaterThan(0)
  for (const table of tables) {
    if (found.length > 0) expect(differences(table, entries)).toEqual([])
    else {
      expect(table.before).toMatch(/`suites\/[\w-]+\.json`/)
      expect(table.before).not.toMatch(/leaderboard|\bboard\b/i)
    }
  }
})

test('docs/leaderboard.png was made from the entries; without entries it has no record', async () => {
  if (found.length === 0) expect(existsSync(record)).toBe(false)
  else {
    expect(readRecord(), 'run npm run docs:screenshot').toEqual({
      source: sourceHash(await renderWholeSite(found)),
      picture: pictureHash(),
    })
  }
})

describe('the comparison', () => {
  const entry = boardEntry('mine', [8562, 577, 0])
  const rowOf = (clean: string): FiguresTable => ({
    before: '',
    head: ['CIFAR-10, L∞ ≤ 8/255', 'clean', 'fgsm', 'autoattack, standard', 'training cost'],
    rows: [['`mine`, 0.31 M parameters', clean, '5.77 % (5.33–6.24)', '0.00 % (0.00–0.04)', '10']],
  })

  test('takes a row that shows an entry', () => {
    expect(differences(rowOf('85.62 % (84.92–86.29)'), [entry])).toEqual([])
  })

  test('names a figure that differs, and a row without an entry', () => {
    expect(differences(rowOf('85.63 % (84.92–86.29)'), [entry])).toEqual([
      'mine, clean: 85.62 % (84.92–86.29)',
    ])
    expect(differences(rowOf('1 %'), [])).toEqual([
      'CIFAR-10, L∞ ≤ 8/255: no entry of the defense mine',
    ])
  })
})
