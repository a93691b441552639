/** The board's tables as data for `assets/rows.js`, which makes rows of it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { packageRoot } from '../core/base/paths.ts'
import { count, countOf, percentDigits } from '../core/base/figures.ts'
import { verdicts } from '../core/bench/checks/check.ts'
import { documentationOf } from '../core/bench/checks/documentation.ts'
import { summarizeChecks } from '../reports/theme/checks.ts'
import { corruptionMean } from '../reports/theme/corruptions.ts'
import { percent, percentRange } from '../reports/theme/figures.ts'
import type { Proportion } from '../reports/theme/proportion.ts'
import { safeUrl } from '../reports/theme/templates.ts'
import type { LeaderboardEntry } from './entry-type.ts'
import type { RankComparison, RankedModel, RankedTable } from './ranking.ts'

/** A column of a table. */
export interface BoardColumn {
  readonly id: string
  readonly title: string
  /** Line below the title. */
  readonly note?: string
  /** See `assets/rows.js`. */
  readonly kind: 'rank' | 'defense' | 'accuracy' | 'number' | 'text' | 'checks' | 'evidence'
  /** Direction of the first sort. */
  readonly first: 'ascending' | 'descending'
}

/** A table as `assets/rows.js` reads it. */
export interface BoardData {
  readonly examples: number
  readonly columns: readonly BoardColumn[]
  /** Location of the first entry of the model, then a cell per column. */
  readonly rows: readonly (readonly unknown[])[]
}

/** The columns and cells of a table. */
export function boardData(table: RankedTable): BoardData {
  const parts = partsOf(table)
  return {
    examples: table.dataset.examples,
    columns: parts.map(({ column }) => column),
    rows: table.rows.map((row) => [row.location, ...parts.map(({ cell }) => cell(row))]),
  }
}

interface Part {
  readonly column: BoardColumn
  readonly cell: (row: RankedModel) => unknown
}

function partsOf(table: RankedTable): Part[] {
  const first = 'ascending'
  const number = { kind: 'number', first } as const
  const text = { kind: 'text', first } as const
  const figure = { kind: 'accuracy', first: 'descending' } as const
  const { examples } = table.dataset
  return [
    { column: { id: 'rank', title: 'Rank', kind: 'rank', first }, cell: rankCell },
    { column: { id: 'defense', title: 'Defense', kind: 'defense', first }, cell: defenseCell },
    { column: { id: 'clean', title: 'Clean', ...figure }, cell: ({ clean }) => accuracy(clean) },
    ...(table.corruptions > 0 ? [corruptedPart] : []),
    ...table.attacks.map((plugin, at): Part => ({
      column: { id: plugin, title: plugin, ...figure },
      cell: ({ columns }) => accuracy(columns[at]),
    })),
    {
      column: { id: 'worst', title: table.worstCaseLabel, note: 'reference attacks', ...figure },
      cell: ({ reference }) => accuracy(reference),
    },
    {
      column: { id: 'best', title: 'Best known', note: 'all attacks', ...figure },
      cell: ({ bestKnown }) => accuracy(bestKnown, true),
    },
    { column: { id: 'checks', title: 'Checks', kind: 'checks', first }, cell: checksCell },
    {
      column: { id: 'evidence', title: 'Evidence', kind: 'evidence', first },
      cell: ({ modelEvidence }) => modelEvidence,
    },
    {
      column: { id: 'architecture', title: 'Architecture', ...text },
      cell: ({ entry }) => entry.architecture ?? null,
    },
    {
      column: { id: 'parameters', title: 'Parameters', ...number },
      cell: ({ entry: { model } }) => [
        model.parameters,
        rounded(model.parameters),
        count(model.parameters),
      ],
    },
    {
      column: { id: 'data', title: 'Extra data', ...text },
      cell: ({ entry }) => entry.extraData ?? 'none',
    },
    {
      column: { id: 'venue', title: 'Venue', ...text },
      cell: ({ entry }) => entry.venue ?? null,
    },
    {
      column: { id: 'year', title: 'Year', ...number, first: 'descending' },
      cell: ({ entry: { year } }) => (year === undefined ? null : [year, String(year)]),
    },
    {
      column: { id: 'passes', title: 'Passes', note: 'per example', ...number },
      cell: ({ passes }) => [
        passes / examples,
        rounded(passes / examples),
        `${count(passes)} forward and backward passes of all attacks`,
      ],
    },
  ]
}

function rankCell({ rank, comparison }: RankedModel): unknown {
  return [rank.best, rank.worst - rank.best, comparison ? comparisonText(comparison) : 'first']
}

/** The test behind a rank: `37 only here, 101 only in "TRADES", p = 0.012 (Holm)`. */
export function comparisonText({ leader, onlyLeader, onlyModel, p }: RankComparison): string {
  const size = p < 0.001 ? '< 0.001' : `= ${p.toFixed(3)}`
  return (
    `robust only here: ${count(onlyModel)}, only for "${leader.title}": ${count(onlyLeader)}, ` +
    `p ${size}`
  )
}

function defenseCell({ entry, members }: RankedModel): unknown {
  const { authors, defense, links, title } = entry
  const urls = [
    ['paper', safeUrl(links.paper)],
    ['code', safeUrl(links.code)],
  ].filter(([, url]) => url !== '')
  const others = members
    .slice(1)
    .map(({ entry: other, location, supplementTo }) =>
      supplementTo ? [other.title, location, 'further attacks'] : [other.title, location],
    )
  return [title, authors.length > 0 ? authors.join(', ') : defense.plugin, urls, others]
}

const corruptedPart: Part = {
  column: { id: 'corrupted', title: 'Corrupted images', kind: 'number', first: 'descending' },
  cell: ({ corruptions }) => {
    const mean = corruptions?.[0]?.means[0]
    return mean?.overall === undefined
      ? null
      : [corruptionMean(corruptions), percent(mean.overall), mean.label]
  },
}

/** The checks of the entry with the worst verdict. Those of supplements are about weaker sets. */
function checksCell({ members }: RankedModel): unknown {
  const [worst] = members
    .filter(({ supplementTo }) => supplementTo === undefined)
    .map(({ entry }) => summarizeChecks(entry.checks.map(titled)))
    .toSorted((a, b) => verdicts.indexOf(a.verdict) - verdicts.indexOf(b.verdict))
  const { verdict, text, raised } = worst!
  const reasons = raised.map(({ title, evidence }) => `${title}: ${evidence}`)
  return [verdict, [text, ...reasons].join('; ')]
}

function titled(
  check: LeaderboardEntry['checks'][number],
): Parameters<typeof summarizeChecks>[0][number] {
  return { ...check, title: documentationOf(check.id)?.title ?? check.id }
}

function accuracy(value: Proportion | undefined, withBar = false): unknown {
  if (!value) return null
  const { fraction, interval } = value
  const cell = [value.count, percentDigits(fraction), percentRange(interval)]
  const ends = [fraction, interval.low, interval.high]
  return withBar ? [...cell, ends.map((end) => percentDigits(end, 1))] : cell
}

/** A number with three digits: `274 k`, `11.2 M`, `9,721`. */
function rounded(value: number): string {
  if (value >= 999_500) return `${Number((value / 1e6).toPrecision(3))}\u00A0M`
  if (value >= 99_950) return `${Math.round(value / 1e3)}\u00A0k`
  return count(value < 100 ? Number(value.toPrecision(3)) : Math.round(value))
}

/** What `assets/rows.js` offers. */
export interface RowScript {
  rowHtml(table: BoardData, row: readonly unknown[], root: string): string
  rowText(table: BoardData, row: readonly unknown[]): string
}

/** Runs `assets/rows.js`, which has no other effect than its functions. */
export function rowScript(): RowScript {
  const file = join(packageRoot(), 'leaderboard', 'assets', 'rows.js')
  // The file is part of this package, and its test holds it against this type.
  return runInNewContext(readFileSync(file, 'utf8')) as RowScript
}

/** `2 models`, `1 model of 2 entries`. */
export function tableSize({ rows }: RankedTable): string {
  const entries = rows.reduce((sum, { members }) => sum + members.length, 0)
  const models = countOf(rows.length, 'model')
  return entries === rows.length ? models : `${models} of ${countOf(entries, 'entry', 'entries')}`
}
