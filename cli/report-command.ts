/** `robench report`: prints a result as a table or JSON, or writes it as an HTML page. */
import { join, dirname } from 'node:path'
import { Command, Option } from 'commander'
import { reportFormats } from '../reports/index.ts'
import type { ReportFormatId } from '../reports/index.ts'
import { formatTable } from '../reports/text.ts'
import { writeFileAtomic } from '../core/base/atomic-file.ts'
import { locateResult, readResult } from '../core/bench/result/read-result.ts'
import { chosenFormat, oneOf, resultArgument, terminalWidth } from './arguments.ts'
import { exitCodes } from './failure.ts'
import { addGateOptions, missedGates } from './gates.ts'
import type { GateOptions } from './gates.ts'
import { printable } from '../reports/theme/printable.ts'

/** Output streams: reports go to `stdout`, messages to `stderr`. */
interface CommandStreams {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly stderr: NodeJS.WritableStream
}

interface ReportOptions extends GateOptions {
  readonly format?: ReportFormatId
  readonly out?: string
  readonly json?: true
}

/** The command `report`. */
export function reportCommand(streams: CommandStreams = process): Command {
  const formats = Object.keys(reportFormats)
  const listed = Object.entries(reportFormats).map(
    ([id, { description }]) => `${id}: ${description}`,
  )
  const command = new Command('report')
    .description('print the result of a finished run, or write it in another format')
    .argument('<result>', resultArgument)
    .addOption(
      new Option('--format <format>', `output format (default: text). ${listed.join('; ')}`)
        .choices(formats)
        .argParser(oneOf('--format', formats)),
    )
    .option(
      '--out <file>',
      'output file (default: standard output; for html, report.html beside the result)',
    )
    .option('--json', 'short for --format json')
  return addGateOptions(command).action((path: string, options: ReportOptions) =>
    report(path, options, streams),
  )
}

async function report(
  path: string,
  options: ReportOptions,
  streams: CommandStreams,
): Promise<void> {
  const format = chosenFormat(options)
  const result = readResult(path)
  const missed = missedGates(result, options)
  for (const text of missed) streams.stderr.write(`gate missed: ${printable(text)}\n`)
  if (missed.length > 0) process.exitCode = exitCodes.failures
  const beside = format === 'html' ? join(dirname(locateResult(path)), 'report.html') : undefined
  const out = options.out ?? beside
  if (out !== undefined) {
    await writeFileAtomic(out, reportFormats[format].write(result))
    streams.stderr.write(`wrote ${out}\n`)
    return
  }
  const color = streams.stdout.isTTY === true && !process.env['NO_COLOR']
  const width = terminalWidth()
  streams.stdout.write(
    format === 'text' ? formatTable(result, { color, width }) : reportFormats[format].write(result),
  )
}
