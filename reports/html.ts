/** The report of a run as one HTML file that needs nothing else: no script, no third-party host. */
import { join } from 'node:path'
import { packageRoot } from '../core/base/paths.ts'
import type { RunResult } from '../core/bench/result/result.ts'
import { summarize } from './summary.ts'
import { templateEnvironment } from './theme/templates.ts'

/** Renders the report. Whatever the result holds is shown as text. @throws ConfigError ROBENCH_DATA if the outcomes are damaged. */
export function writeHtmlReport(result: RunResult): string {
  const environment = templateEnvironment(join(packageRoot(), 'reports', 'templates'))
  return environment.render('report.html.njk', { result, summary: summarize(result) })
}
