/** `robench claims`: tests the papers' claims on results. */
import { Command, Option } from 'commander'
import { writeFileAtomic } from '../core/base/atomic-file.ts'
import { readResult } from '../core/bench/result/read-result.ts'
import { paperClaims } from '../reports/claims/claims.ts'
import { evaluateClaims } from '../reports/claims/evaluate.ts'
import { claimFormats } from '../reports/claims/index.ts'
import type { ClaimFormatId } from '../reports/claims/index.ts'
import { formatClaims } from '../reports/claims/text.ts'
import { chosenFormat, oneOf, resultArgument } from './arguments.ts'

/** Output streams: the table goes to `stdout`, messages to `stderr`. */
interface CommandStreams {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly stderr: NodeJS.WritableStream
}

interface ClaimsOptions {
  readonly format?: ClaimFormatId
  readonly out?: string
  readonly json?: true
}

/** The command `claims`. */
export function claimsCommand(streams: CommandStreams = process): Command {
  const formats = Object.keys(claimFormats)
  return new Command('claims')
    .description("test the papers' claims on results; without results, list the claims")
    .argument('[results...]', `each a ${resultArgument}`)
    .addOption(
      new Option('--format <format>', 'output format (default: text)')
        .choices(formats)
        .argParser(oneOf('--format', formats)),
    )
    .option('--out <file>', 'output file (default: standard output)')
    .option('--json', 'short for --format json')
    .action((paths: readonly string[], options: ClaimsOptions) => claims(paths, options, streams))
}

async function claims(
  paths: readonly string[],
  options: ClaimsOptions,
  streams: CommandStreams,
): Promise<void> {
  const format = chosenFormat(options)
  const evaluated = evaluateClaims(paperClaims, paths.map(readResult))
  if (options.out !== undefined) {
    await writeFileAtomic(options.out, claimFormats[format](evaluated))
    streams.stderr.write(`wrote ${options.out}\n`)
    return
  }
  const color = format === 'text' && streams.stdout.isTTY && !process.env['NO_COLOR']
  streams.stdout.write(
    color ? formatClaims(evaluated, { color: true }) : claimFormats[format](evaluated),
  )
}
