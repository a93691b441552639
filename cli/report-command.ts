/** `robench report`: a finished run's result as a table, a page or JSON. */
import { join, dirname } from 'node:path'
import { Command, Option } from 'commander'
import { reportFormats } from '../reports/index.ts'
import type { ReportFormatId } from '../reports/index.ts'
import { formatTable } from '../reports/text.ts'
import { ConfigError } from '../core/base/errors.ts'
import { writeFileAtomic } from '../core/base/atomic-file.ts'
import { locateResult, readResult } from '../core/bench/result/read-result.ts'

/** Where the command writes: results to `stdout`, remarks to `stderr`. */
interface CommandStreams {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly stderr: NodeJS.WritableStream
}

interface ReportOptions {
  readonly format?: ReportFormatId
  readonly out?: string
  readonly json?: true
}

/** The command; add it to the main program. */
export function reportCommand(streams: CommandStreams = process): Command {
  const formats = Object.keys(reportFormats)
  const listed = Object.entries(reportFormats).map(
    ([id, { description }]) => `${id}: ${description}`,
  )
  return new Command('report')
    .description("show a finished run's result")
    .argument('<result>', 'a result.json, or the results folder that holds one')
    .addOption(
      new Option(
        '--format <format>',
        `how to write it (default: text). ${listed.join('; ')}`,
      ).choices(formats),
    )
    .option(
      '--out <file>',
      'write to this file (default: print; html goes to report.html beside the result)',
    )
    .option('--json', 'the same as --format json')
    .action((path: string, options: ReportOptions) => report(path, options, streams))
}

async function report(
  path: string,
  options: ReportOptions,
  streams: CommandStreams,
): Promise<void> {
  if (options.json && options.format !== undefined && options.format !== 'json') {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `--json: expected no other format beside it, got --format ${options.format}; leave one of them out`,
    )
  }
  const format = options.json ? 'json' : (options.format ?? 'text')
  const result = readResult(path)
  const besides = format === 'html' ? join(dirname(locateResult(path)), 'report.html') : undefined
  const out = options.out ?? besides
  if (out !== undefined) {
    await writeFileAtomic(out, reportFormats[format].write(result))
    streams.stderr.write(`wrote ${out}\n`)
    return
  }
  const color = format === 'text' && streams.stdout.isTTY && !process.env['NO_COLOR']
  streams.stdout.write(color ? formatTable(result, { color }) : reportFormats[format].write(result))
}
