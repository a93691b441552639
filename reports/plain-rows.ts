/** A result as plain tables, for the formats that other programs typeset. */
import type { RunResult } from '../core/bench/result/result.ts'
import { summarize } from './summary.ts'
import type { AttackSummary, EntrySummary } from './summary.ts'
import { percent, percentRange } from './theme/figures.ts'
import type { Proportion } from './theme/proportion.ts'
import { threatModelText } from './theme/threat-text.ts'

/** One data set under one threat model: a row for each defense, a column for each attack. */
export interface PlainTable {
  readonly title: string
  readonly heads: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/**
 * The tables of a result. Cells have percentages with 95 % Wilson intervals, `failed`, or `–`.
 * @throws ConfigError ROBENCH_DATA if the outcomes are malformed
 */
export function plainTables(result: RunResult): PlainTable[] {
  return summarize(result).sections.map(
    ({ dataset, threatModel, attackNames, corrupted, entries }) => ({
      title: `${dataset.title}, ${threatModelText(threatModel)}, n = ${dataset.examples}`,
      heads: [
        'Defense',
        'Clean',
        ...(corrupted ? ['Corrupted'] : []),
        ...attackNames,
        'Worst case',
      ],
      rows: entries.map((entry) => [
        entry.defense.name,
        cellText(entry.clean),
        ...(corrupted ? [corruptedText(entry)] : []),
        ...entry.columns.map(attackText),
        entry.worstCase ? `${entry.incomplete ? '≤ ' : ''}${cellText(entry.worstCase)}` : '–',
      ]),
    }),
  )
}

function cellText({ fraction, interval }: Proportion): string {
  return `${percent(fraction)} (${percentRange(interval)})`
}

function attackText(attack: AttackSummary | undefined): string {
  if (!attack) return '–'
  return attack.state === 'failed' ? 'failed' : cellText(attack.robust)
}

/** The mean over the benchmark corruptions, without an interval: its images are dependent. */
function corruptedText({ corruptions }: EntrySummary): string {
  const overall = corruptions?.[0]?.means[0]?.overall
  return overall === undefined ? '–' : percent(overall)
}
