/** The summary of a run as JSON, for other programs. */
import type { RunResult } from '../core/bench/result/result.ts'
import { summarize } from './summary.ts'
import type { EntrySummary } from './summary.ts'
import { jsonText } from './theme/printable.ts'

/**
 * The summary as JSON text: counts and fractions with 95 % Wilson intervals, without per-example
 * outcomes.
 * @throws ConfigError ROBENCH_DATA if the outcomes are malformed
 */
export function writeJsonReport(result: RunResult): string {
  const { sections, command } = summarize(result)
  const { entries: _entries, ...run } = result
  const entries = sections.flatMap(({ dataset, threatModel, entries }) =>
    entries.map((entry) => ({ dataset, threatModel, ...plainEntry(entry) })),
  )
  return `${jsonText({ ...run, command, entries })}\n`
}

/** An entry without `columns`, which repeats the attacks in table order. */
function plainEntry(entry: EntrySummary): object {
  const { columns: _columns, ...facts } = entry
  return facts
}
