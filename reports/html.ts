/** The report of a run as one self-contained HTML file, without scripts or external resources. */
import { join } from 'node:path'
import { packageRoot } from '../core/base/paths.ts'
import type { RunResult } from '../core/bench/result/result.ts'
import { summarize } from './summary.ts'
import { templateEnvironment } from './theme/templates.ts'

/**
 * Renders the report. All values from the result are escaped.
 * @throws ConfigError ROBENCH_DATA if the outcomes are malformed
 */
export function writeHtmlReport(result: RunResult): string {
  const environment = templateEnvironment(join(packageRoot(), 'reports', 'templates'))
  return environment.render('report.html.njk', { result, summary: summarize(result) })
}
