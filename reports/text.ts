/** The report of a run as a table for the terminal. */
import Table from 'cli-table3'
import picocolors from 'picocolors'
import type { RunResult } from '../core/bench/result/result.ts'
import { count, countOf, percent, percentRange } from './theme/figures.ts'
import { oneLine, printable } from './theme/printable.ts'
import type { Proportion } from './theme/proportion.ts'
import { summarize } from './summary.ts'
import type { AttackSummary, EntrySummary, Failure, SectionSummary } from './summary.ts'
import { corruptionLines, curveLines } from './text-details.ts'
import { threatModelText } from './theme/threat-text.ts'

type Colors = ReturnType<typeof picocolors.createColors>

/** Rules instead of boxes: one line under the head, space between columns. */
const chars = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  right: '',
  'right-mid': '',
  mid: '─',
  'mid-mid': '─',
  middle: ' ',
} as const

/**
 * The table at the end of a run: a row per entry, columns clean, each attack and worst case, each with its
 * 95 % Wilson interval in percent; below it curves, accuracies on corrupted images, what is not rankable and why, and each
 * failed cell with its error.
 */
export function formatTable(result: RunResult, options: { readonly color: boolean }): string {
  const colors = picocolors.createColors(options.color)
  const { sections, failures, failureText } = summarize(result)
  const parts = sections.map((section) => formatSection(section, colors))
  parts.push(colors.dim('Percent of all examples, with 95 % Wilson intervals.'))
  if (failures.length > 0) {
    parts.push(formatFailures(failures, failureText, colors))
  }
  return `${parts.join('\n\n')}\n`
}

function formatSection(section: SectionSummary, colors: Colors): string {
  const { dataset, threatModel, attackNames, corrupted, entries } = section
  const corruptedHead = corrupted ? ['Corrupted'] : []
  const heads = ['Defense', 'Clean', ...corruptedHead, ...attackNames, 'Worst case']
  const table = new Table({
    head: heads.map((head) => colors.dim(head)),
    chars,
    colAligns: heads.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  })
  for (const entry of entries) table.push(formatEntry(entry, corrupted, colors))
  const toy = dataset.toy ? colors.yellow('  toy data: says nothing about real robustness') : ''
  const examples =
    dataset.examples < dataset.total
      ? `${count(dataset.examples)} of ${countOf(dataset.total, 'example')}`
      : countOf(dataset.examples, 'example')
  const title = `${colors.bold(dataset.title)} · ${threatModelText(threatModel)} · ${examples}`
  const lines = [
    title + toy,
    '',
    trimLines(withSingleRule(table.toString())),
    ...curveLines(entries, colors),
    ...corruptionLines(entries, colors),
    ...notRankable(entries, colors),
    ...raisedChecks(entries, colors),
  ]
  return lines.join('\n')
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

/** The mean over the benchmark's corruptions; it has no interval, for its images are the same ones over and over. */
function formatCorrupted({ corruptions }: EntrySummary, colors: Colors): string {
  const [mean] = corruptions?.[0]?.means ?? []
  if (mean?.overall === undefined) return colors.dim('–')
  return `${percent(mean.overall).replace('\u00a0', ' ')}\n${colors.dim(mean.label)}`
}

function formatProportion(
  { fraction, interval }: Proportion,
  colors: Colors,
  incomplete = false,
): string {
  const value = `${incomplete ? '≤ ' : ''}${percent(fraction).replace('\u00a0', ' ')}`
  return `${value}\n${colors.dim(percentRange(interval))}`
}

/** One line per reason, with the entries that it concerns unless it concerns all. */
function notRankable(entries: readonly EntrySummary[], colors: Colors): string[] {
  const names = new Map<string, string[]>()
  for (const { defense, rankable, reasons } of entries) {
    if (rankable) continue
    for (const reason of reasons.length === 0 ? ['no reason given'] : reasons) {
      names.set(oneLine(reason), [...(names.get(oneLine(reason)) ?? []), oneLine(defense.name)])
    }
  }
  const lines = [...names].map(([reason, who]) => {
    const whom = who.length === entries.length ? '' : ` (${who.join(', ')})`
    return colors.yellow(`Not rankable${whom}: ${reason}`)
  })
  return lines.length === 0 ? [] : ['', ...lines]
}

/** Per entry with raised checks their number, and below it what each found. */
function raisedChecks(entries: readonly EntrySummary[], colors: Colors): string[] {
  return entries.flatMap(({ defense, checks }) => {
    if (!checks || checks.raised.length === 0) return []
    const { verdict, text, raised } = checks
    const color = verdict === 'fail' ? colors.red : colors.yellow
    const believed = verdict === 'fail' ? 'not to be believed' : 'to be read with care'
    const lines = raised.map(
      ({ id, verdict, evidence }) => `  ${verdict}  ${oneLine(id)}: ${oneLine(evidence)}`,
    )
    return [
      '',
      color(`${oneLine(defense.name)} is ${believed}: ${text} (see docs/checks.md)`),
      ...lines,
    ]
  })
}

function formatFailures(failures: readonly Failure[], headline: string, colors: Colors): string {
  const lines = failures.map(({ defense, attack, threatModel, error }) => {
    const what = attack === undefined ? defense : `${defense} × ${attack}`
    const message = printable(error.message)
      .split('\n')
      .map((line) => `    ${line}`)
    return `  ${oneLine(what)} (${threatModelText(threatModel)}): ${colors.red(error.code)}\n${message.join('\n')}`
  })
  return [colors.red(headline), ...lines].join('\n')
}

/** cli-table3 puts a rule between all rows; the one below the head is enough. */
function withSingleRule(table: string): string {
  const isRule = (line: string): boolean => line.includes('───')
  const lines = table.split('\n')
  const first = lines.findIndex(isRule)
  return lines.map((line, i) => (isRule(line) && i !== first ? '' : line)).join('\n')
}

function trimLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
