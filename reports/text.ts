/** The report of a run as text for the terminal. */
import picocolors from 'picocolors'
import type { RunResult } from '../core/bench/result/result.ts'
import { count, countOf, percent } from '../core/base/figures.ts'
import { percentRange } from './theme/figures.ts'
import { plainTable } from './theme/plain-table.ts'
import { oneLine, printable } from './theme/printable.ts'
import type { Proportion } from './theme/proportion.ts'
import { summarize } from './summary.ts'
import type { AttackSummary, EntrySummary, Failure, SectionSummary } from './summary.ts'
import { corruptionLines, curveLines, drawLines } from './text-details.ts'
import { threatModelText } from './theme/threat-text.ts'

type Colors = ReturnType<typeof picocolors.createColors>

/**
 * A result as text. One table per data set and threat model has a row per defense with the clean
 * accuracy, the robust accuracy under each attack, and the worst case, each with its 95 % Wilson
 * interval in percent. Draws of stochastic models, robustness curves, accuracies on corrupted
 * images, reasons why an entry is not rankable, raised checks, and failures follow.
 * @throws ConfigError ROBENCH_DATA if the outcomes are malformed
 */
export function formatTable(result: RunResult, options: { readonly color: boolean }): string {
  const colors = picocolors.createColors(options.color)
  const { sections, failures, failureText } = summarize(result)
  const parts = sections.map((section) => formatSection(section, colors))
  parts.push(colors.dim('Percentages of all examples, with 95 % Wilson intervals.'))
  if (failures.length > 0) {
    parts.push(formatFailures(failures, failureText, colors))
  }
  return `${parts.join('\n\n')}\n`
}

function formatSection(section: SectionSummary, colors: Colors): string {
  const { dataset, threatModel, attackNames, corrupted, entries } = section
  const corruptedHead = corrupted ? ['Corrupted'] : []
  const heads = ['Defense', 'Clean', ...corruptedHead, ...attackNames, 'Worst case']
  const table = plainTable(
    heads.map((head) => colors.dim(head)),
    entries.map((entry) => formatEntry(entry, corrupted, colors)),
    { alignments: heads.map((_, column) => (column === 0 ? 'left' : 'right')), spaced: true },
  )
  const toy = dataset.toy ? colors.yellow('  toy data: not evidence of real robustness') : ''
  const examples =
    dataset.examples < dataset.total
      ? `${count(dataset.examples)} of ${countOf(dataset.total, 'example')}`
      : countOf(dataset.examples, 'example')
  const title = `${colors.bold(dataset.title)} · ${threatModelText(threatModel)} · ${examples}`
  const lines = [
    title + toy,
    '',
    table,
    ...drawLines(section, colors),
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

/** For each entry with raised checks, a summary and the evidence of each check. */
function raisedChecks(entries: readonly EntrySummary[], colors: Colors): string[] {
  return entries.flatMap(({ defense, checks }) => {
    if (!checks || checks.raised.length === 0) return []
    const { verdict, text, raised } = checks
    const color = verdict === 'fail' ? colors.red : colors.yellow
    const advice = verdict === 'fail' ? 'unreliable' : 'use with caution'
    const lines = raised.map(
      ({ id, verdict, evidence }) => `  ${verdict}  ${oneLine(id)}: ${oneLine(evidence)}`,
    )
    return [
      '',
      color(`${oneLine(defense.name)}: ${advice}; ${text} (see docs/checks.md)`),
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
    const where = `${oneLine(what)} (${threatModelText(threatModel)})`
    return [`  ${where}: ${colors.red(error.code)}`, ...message].join('\n')
  })
  return [colors.red(headline), ...lines].join('\n')
}
