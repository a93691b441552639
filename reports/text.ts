/** The report of a run as text for the terminal. */
import { stripVTControlCharacters } from 'node:util'
import picocolors from 'picocolors'
import type { RunResult } from '../core/bench/result/result.ts'
import { documentationPath } from '../core/base/paths.ts'
import { count, countOf, percent } from '../core/base/figures.ts'
import { percentRange } from './theme/figures.ts'
import { plainTable } from './theme/plain-table.ts'
import { wrapText } from '../core/base/wrap.ts'
import { oneLine, printableTexts } from './theme/printable.ts'
import type { Proportion } from './theme/proportion.ts'
import { summarize } from './summary.ts'
import type { AttackSummary, EntrySummary, Failure, SectionSummary } from './summary.ts'
import { corruptionLines, curveLines, drawLines } from './text-details.ts'
import { threatModelText } from './theme/threat-text.ts'

type Colors = ReturnType<typeof picocolors.createColors>

/** The look of a text report. */
export interface TextOptions {
  readonly color: boolean
  /** Characters of a line; wider tables are divided between columns. Default: no limit. */
  readonly width?: number
}

/**
 * A result as text. One table per data set and threat model has a row per defense with the clean
 * accuracy, the robust accuracy under each attack, and the worst case, each with its 95 % Wilson
 * interval in percent. Draws of stochastic models, robustness curves, accuracies on corrupted
 * images, reasons why an entry is not rankable, raised checks, and failures follow. Texts of the
 * result are printable.
 * @throws ConfigError ROBENCH_DATA if the outcomes are malformed
 */
export function formatTable(result: RunResult, options: TextOptions): string {
  const { color, width = Infinity } = options
  const colors = picocolors.createColors(color)
  const { sections, failures, failureText } = printableTexts(summarize(result))
  const parts = sections.map((section) => formatSection(section, colors, width))
  parts.push(colors.dim('Percentages of all examples, with 95 % Wilson intervals.'))
  if (failures.length > 0) {
    parts.push(formatFailures(failures, failureText, colors, width))
  }
  return `${parts.join('\n\n')}\n`
}

function formatSection(section: SectionSummary, colors: Colors, width: number): string {
  const { dataset, threatModel, attackNames, corrupted, entries } = section
  const corruptedHead = corrupted ? ['Corrupted'] : []
  const heads = ['Defense', 'Clean', ...corruptedHead, ...attackNames, 'Worst case'].map(oneLine)
  const rows = entries.map((entry) => formatEntry(entry, corrupted, colors))
  const tables = foldedTables(
    heads.map((head) => colors.dim(head)),
    rows,
    width,
  )
  const toy = dataset.toy ? colors.yellow('toy data: not evidence of real robustness') : ''
  const examples =
    dataset.examples < dataset.total
      ? `${count(dataset.examples)} of ${countOf(dataset.total, 'example')}`
      : countOf(dataset.examples, 'example')
  const subject = oneLine(`${dataset.title} · ${threatModelText(threatModel)} · ${examples}`)
  const title = wrapText(subject, width)
  const fits = title.length + 2 + visible(toy) <= width
  const lines = [
    toy === '' || fits ? [colors.bold(title), toy].join('  ').trimEnd() : colors.bold(title),
    ...(toy === '' || fits ? [] : [toy]),
    '',
    tables,
    ...drawLines(section, colors, width),
    ...curveLines(entries, colors, width),
    ...corruptionLines(entries, colors, width),
    ...notRankable(entries, colors, width),
    ...raisedChecks(entries, colors, width),
  ]
  return lines.join('\n')
}

/**
 * The table, or several with the first column each where it is wider than `width`. Later columns
 * move to the next table.
 */
function foldedTables(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const tableOf = (columns: readonly number[]): string =>
    plainTable(
      columns.map((column) => head[column]!),
      rows.map((row) => columns.map((column) => row[column]!)),
      { alignments: columns.map((column) => (column === 0 ? 'left' : 'right')), spaced: true },
    )
  const tables: string[] = []
  let columns = [0]
  for (let next = 1; next < head.length; next++) {
    const isFull = columns.length > 1 && visible(tableOf([...columns, next])) > width
    if (isFull) {
      tables.push(tableOf(columns))
      columns = [0]
    }
    columns.push(next)
  }
  return [...tables, tableOf(columns)].join('\n\n')
}

/** Characters of the longest line as the terminal shows it. */
function visible(text: string): number {
  return Math.max(
    ...stripVTControlCharacters(text)
      .split('\n')
      .map((line) => line.length),
  )
}

function formatEntry(entry: EntrySummary, corrupted: boolean, colors: Colors): string[] {
  return [
    colors.bold(oneLine(entry.defense.name)),
    formatProportion(entry.clean, colors),
    ...(corrupted ? [formatCorrupted(entry, colors)] : []),
    ...entry.columns.map((attack) => formatAttack(attack, colors)),
    entry.worstCase ? formatProportion(entry.worstCase, colors, entry.incomplete) : '–',
  ]
}

function formatAttack(summary: AttackSummary | undefined, colors: Colors): string {
  if (!summary) return colors.dim('–')
  if (summary.state === 'failed') return colors.red('failed')
  return formatProportion(summary.robust, colors)
}

/** The mean over the benchmark corruptions, without an interval: its images are dependent. */
function formatCorrupted({ corruptions }: EntrySummary, colors: Colors): string {
  const [mean] = corruptions?.[0]?.means ?? []
  if (mean?.overall === undefined) return colors.dim('–')
  return `${percent(mean.overall)}\n${colors.dim(mean.label)}`
}

function formatProportion(
  { fraction, interval }: Proportion,
  colors: Colors,
  incomplete = false,
): string {
  const value = `${incomplete ? '≤ ' : ''}${percent(fraction)}`
  return `${value}\n${colors.dim(percentRange(interval))}`
}

/** One line per reason, with the defenses it applies to unless it applies to all. */
function notRankable(entries: readonly EntrySummary[], colors: Colors, width: number): string[] {
  const names = new Map<string, string[]>()
  for (const { defense, rankable, reasons } of entries) {
    if (rankable) continue
    for (const reason of reasons.length === 0 ? ['no reason given'] : reasons) {
      names.set(oneLine(reason), [...(names.get(oneLine(reason)) ?? []), oneLine(defense.name)])
    }
  }
  const lines = [...names].map(([reason, who]) => {
    const whom = who.length === entries.length ? '' : ` (${who.join(', ')})`
    return colors.yellow(wrapText(`Not rankable${whom}: ${grouped(reason)}`, width, '  '))
  })
  return lines.length === 0 ? [] : ['', ...lines]
}

/** A text of a result, whose numbers of examples get separators of thousands. */
function grouped(text: string): string {
  return text.replaceAll(/(?<![\w.,])\d{4,}(?= (?:of \d|(?:further )?examples?\b))/g, (digits) =>
    count(Number(digits)),
  )
}

/** For each entry with raised checks, a summary and the evidence of each check. */
function raisedChecks(entries: readonly EntrySummary[], colors: Colors, width: number): string[] {
  return entries.flatMap(({ defense, checks }) => {
    if (!checks || checks.raised.length === 0) return []
    const { verdict, text, raised } = checks
    const color = verdict === 'fail' ? colors.red : colors.yellow
    const advice = verdict === 'fail' ? 'unreliable' : 'use with caution'
    const lines = raised.map(({ id, verdict, evidence }) =>
      wrapText(`  ${verdict}  ${oneLine(id)}: ${oneLine(grouped(evidence))}`, width, '        '),
    )
    return [
      '',
      color(
        wrapText(
          `${oneLine(defense.name)}: ${advice}; ${text} (see ${documentationPath('checks')})`,
          width,
        ),
      ),
      ...lines,
    ]
  })
}

function formatFailures(
  failures: readonly Failure[],
  headline: string,
  colors: Colors,
  width: number,
): string {
  const lines = failures.map(({ defense, attack, threatModel, error }) => {
    const what = attack === undefined ? defense : `${defense} × ${attack}`
    const message = error.message.split('\n').map((line) => wrapText(`    ${line}`, width, '    '))
    const where = oneLine(`${what} (${threatModelText(threatModel)})`)
    return [`  ${where}: ${colors.red(oneLine(error.code))}`, ...message].join('\n')
  })
  return [colors.red(headline), ...lines].join('\n')
}
