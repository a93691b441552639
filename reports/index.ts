/** The report formats, sorted by id. To add one, add a file to this directory and a line here. */
import type { RunResult } from '../core/bench/result/result.ts'
import { writeCsvReport } from './csv.ts'
import { writeHtmlReport } from './html.ts'
import { writeJsonReport } from './json.ts'
import { writeLatexReport } from './latex.ts'
import { writeMarkdownReport } from './markdown.ts'
import { formatTable } from './text.ts'

/** Writes a result in one format. */
export interface ReportFormat {
  /** File extension without the dot. */
  readonly extension: string
  /** Completes `<id>: …` in the help of `robench report`. */
  readonly description: string
  /** @throws ConfigError ROBENCH_DATA if the outcomes are malformed */
  write(result: RunResult): string
}

/** All formats by id. */
export const reportFormats = {
  csv: {
    extension: 'csv',
    description: 'one row per measurement',
    write: writeCsvReport,
  },
  html: {
    extension: 'html',
    description: 'a self-contained page',
    write: writeHtmlReport,
  },
  json: {
    extension: 'json',
    description: 'counts, fractions, and intervals for other programs',
    write: writeJsonReport,
  },
  latex: {
    extension: 'tex',
    description: 'tables for the package booktabs',
    write: writeLatexReport,
  },
  markdown: {
    extension: 'md',
    description: 'tables',
    write: writeMarkdownReport,
  },
  text: {
    extension: 'txt',
    description: 'the table that robench run prints',
    write: (result) => formatTable(result, { color: false }),
  },
} as const satisfies Readonly<Record<string, ReportFormat>>

/** The id of a format: `html`, `latex`, `text`, … */
export type ReportFormatId = keyof typeof reportFormats
