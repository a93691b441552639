/** The result tables in Markdown. */
import type { RunResult } from '../core/bench/result/result.ts'
import { plainTables } from './plain-rows.ts'
import { oneLine } from './theme/printable.ts'

/**
 * A table for each data set and threat model.
 * @throws ConfigError ROBENCH_DATA if the outcomes are malformed
 */
export function writeMarkdownReport(result: RunResult): string {
  const parts = plainTables(result).flatMap(({ title, heads, rows }) => {
    const rule = heads.map((_, column) => (column === 0 ? '---' : '---:'))
    const lines = [heads.map(cellText), rule, ...rows.map((row) => row.map(cellText))]
    return [cellText(title), lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')]
  })
  return `${[...parts, 'Percentages of all examples, with 95 % Wilson intervals.'].join('\n\n')}\n`
}

/** A text on one line, without the bars and markup that names from results may hold. */
function cellText(text: string): string {
  return oneLine(text)
    .replaceAll(/[\\|*_`[\]]/g, String.raw`\$&`)
    .replaceAll('<', '&lt;')
}
