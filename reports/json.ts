/** The figures of a run as JSON for other programs: counts, fractions and intervals, without per-example outcomes. */
import type { RunResult } from '../core/bench/result/result.ts'
import { summarize } from './summary.ts'
import type { EntrySummary } from './summary.ts'

/** The summary as JSON text, accuracies as fractions with their 95 % Wilson intervals. @throws ConfigError ROBENCH_DATA if the outcomes are damaged. */
export function writeJsonReport(result: RunResult): string {
  const { sections, command } = summarize(result)
  const { entries: _entries, ...run } = result
  const entries = sections.flatMap(({ dataset, threatModel, entries }) =>
    entries.map((entry) => ({ dataset, threatModel, ...plainEntry(entry) })),
  )
  return `${JSON.stringify({ ...run, command, entries }, null, 2)}\n`
}

/** Without the columns: those are the attacks again, arranged for a table. */
function plainEntry(entry: EntrySummary): object {
  const { columns: _columns, ...facts } = entry
  return facts
}
