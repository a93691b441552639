/** Parsers of command-line values, and the options that several commands share. */
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import type { RunOptions as SuiteRunOptions } from '../core/bench/execute/settings.ts'
import type { SuiteOverrides } from '../core/bench/suite/load.ts'

/** A whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value
    throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`)
  }
}

/** Numbers joined by commas, such as `0.49,0.48,0.45`; fractions such as `8/255` are not meant here. */
export function numberList(text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (values.every(Number.isFinite)) return values
  throw new InvalidArgumentError('Expected numbers joined by commas, such as 0.49,0.48,0.45.')
}

/** Gathers a repeated option. */
export function collect(text: string, previous: readonly string[] = []): string[] {
  return [...previous, text]
}

/** The options of `addRunOptions` as commander hands them over. */
export interface RunOptions {
  readonly results: string
  readonly workers?: number
  readonly threads: number
  readonly device: string
  readonly limit?: number
  readonly batchSize?: number
  readonly timeLimit?: number
  readonly fresh?: boolean
  /** Unless `--no-checks` is given. */
  readonly checks: boolean
  readonly saveAdversarial?: boolean
  readonly json?: boolean
}

/** Adds the options that say how a suite is run. */
export function addRunOptions(command: Command): Command {
  return command
    .option('--results <folder>', 'where results are kept', 'results')
    .option(
      '--workers <n>',
      'worker processes (default: cores / threads; 1 on another device)',
      wholeNumber(1),
    )
    .option('--threads <n>', 'threads of each worker', wholeNumber(1), 1)
    .option('--device <name>', 'cpu, cuda, cuda:1, webgpu, dml or coreml', 'cpu')
    .option('--limit <n>', 'only the first n examples; never ranked', wholeNumber(1))
    .option('--batch-size <n>', 'examples per pass; changes no outcome', wholeNumber(1))
    .addOption(
      new Option(
        '--time-limit <seconds>',
        'for each unit of work of at most 500 examples',
      ).argParser(wholeNumber(1)),
    )
    .option('--no-checks', 'leave out the probes that ask whether the numbers can be believed')
    .option('--fresh', 'forget what is finished and begin anew')
    .option('--json', 'print the outcome as JSON')
}

/** How to run, from the options. */
export function runSettings(options: Omit<RunOptions, 'checks'>): SuiteRunOptions {
  const { results, threads, device, fresh, saveAdversarial } = options
  return {
    resultsFolder: results,
    threads,
    device,
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(fresh ? { fresh } : {}),
    ...(saveAdversarial ? { saveAdversarial } : {}),
  }
}

/** What the options change in the suite. */
export function suiteOverrides({
  limit,
  batchSize,
  timeLimit,
  checks,
}: RunOptions): SuiteOverrides {
  return {
    ...(checks ? {} : { checks }),
    ...(limit === undefined ? {} : { limit }),
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(timeLimit === undefined ? {} : { timeLimitMs: timeLimit * 1000 }),
  }
}

/** Words as one line that a shell reads back. */
export function commandLine(words: readonly string[]): string {
  return words
    .map((word) =>
      /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`,
    )
    .join(' ')
}
