/** All report formats, sorted by id. A new one is a file beside this and a line here. */
import type { RunResult } from '../core/bench/result/result.ts'
import { writeHtmlReport } from './html.ts'
import { writeJsonReport } from './json.ts'
import { formatTable } from './text.ts'

/** One way to write a run's result. */
export interface ReportFormat {
  /** Extension of the files, without a dot. */
  readonly extension: string
  readonly description: string
  write(result: RunResult): string
}

export const reportFormats = {
  html: {
    extension: 'html',
    description: 'one self-contained page',
    write: writeHtmlReport,
  },
  json: {
    extension: 'json',
    description: 'counts, fractions and intervals for other programs',
    write: writeJsonReport,
  },
  text: {
    extension: 'txt',
    description: 'the table that robench run ends with',
    write: (result) => formatTable(result, { color: false }),
  },
} as const satisfies Readonly<Record<string, ReportFormat>>

export type ReportFormatId = keyof typeof reportFormats
