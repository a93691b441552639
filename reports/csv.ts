/** The figures of a result as CSV (RFC 4180), one row per measurement. */
import { isPrivateData } from '../core/data/dataset.ts'
import type { RunResult } from '../core/bench/result/result.ts'
import { summarize } from './summary.ts'
import { oneLine } from './theme/printable.ts'
import { threatModelText } from './theme/threat-text.ts'
import type { Proportion } from './theme/proportion.ts'

const heads = [
  'dataset',
  'threat_model',
  'defense',
  'attack',
  'seed',
  'count',
  'total',
  'accuracy',
  'low',
  'high',
]

/**
 * Accuracies as fractions with 95 % Wilson intervals. The attack is `clean` without an attack and
 * `worst case` over all of them; the figures of a failed attack are empty.
 * @throws ConfigError ROBENCH_DATA if the outcomes are malformed
 */
export function writeCsvReport(result: RunResult): string {
  const rows = summarize(result).sections.flatMap(({ dataset, threatModel, entries }) =>
    entries.flatMap(({ defense, clean, attacks, worstCase }) => {
      const data = isPrivateData(dataset.id) ? dataset.title : dataset.id
      const place = [data, threatModelText(threatModel), defense.name].map(plainText)
      return [
        [...place, 'clean', '', ...figures(clean)],
        ...attacks.map((attack) => [
          ...place,
          plainText(attack.attack.name),
          String(attack.seed),
          ...figures(attack.state === 'completed' ? attack.robust : undefined),
        ]),
        [...place, 'worst case', '', ...figures(worstCase)],
      ]
    }),
  )
  return [heads, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('')
}

function figures(share: Proportion | undefined): string[] {
  if (!share) return ['', '', '', '', '']
  const { count, total, fraction, interval } = share
  const fractions = [fraction, interval.low, interval.high].map((value) => value.toFixed(6))
  return [String(count), String(total), ...fractions]
}

/**
 * A text of a result as a cell that spreadsheets do not evaluate: before a sign that begins a
 * formula, they read an apostrophe as "this is text".
 */
function plainText(text: string): string {
  const line = oneLine(text)
  return /^\s*[=+\-@\uff0b\uff0d\uff1d\uff20]/.test(line) ? `'${line}` : line
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
