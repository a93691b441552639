/** The report of a run as one HTML file that needs nothing else: no script, no third-party host. */
import { join } from 'node:path'
import { packageRoot } from '../core/paths.ts'
import type { RunResult } from '../core/run/result.ts'
import { summarize } from './summary.ts'
import { templateEnvironment } from './templates.ts'

/** Renders the report. Whatever the result holds is shown as text. @throws ConfigError ROBENCH_DATA if the outcomes are damaged. */
export function writeHtmlReport(result: RunResult): string {
  const environment = templateEnvironment([reportTemplates()])
  return environment.render('report.html.njk', { result, summary: summarize(result) })
}

/** The folder of the report's templates; the leaderboard shares its figures and colors. */
export function reportTemplates(): string {
  return join(packageRoot(), 'reports', 'templates')
}
