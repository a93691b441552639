/** The result tables in Markdown. */
import type { RunResult } from '../core/bench/result/result.ts'
import { plainTables } from './plain-rows.ts'
import { markdownText } from './theme/markdown-text.ts'

/**
 * A table for each data set and threat model.
 * @throws ConfigError ROBENCH_DATA if the outcomes are malformed
 */
export function writeMarkdownReport(result: RunResult): string {
  const parts = plainTables(result).flatMap(({ title, heads, rows }) => {
    const rule = heads.map((_, column) => (column === 0 ? '---' : '---:'))
    const lines = [heads.map(markdownText), rule, ...rows.map((row) => row.map(markdownText))]
    return [markdownText(title), lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')]
  })
  return `${[...parts, 'Percentages of all examples, with 95 % Wilson intervals.'].join('\n\n')}\n`
}
