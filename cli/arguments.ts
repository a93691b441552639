/** Parsers of command-line values, and the options that several commands share. */
import { readFileSync, statSync } from 'node:fs'
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import type { RunOptions as SuiteRunOptions } from '../core/bench/execute/settings.ts'
import { withoutCredentials } from '../core/bench/queue/connection.ts'
import { ConfigError, didYouMean } from '../core/base/errors.ts'
import { optionLimits } from '../core/base/option-limits.ts'
import { tfjsDevice } from '../core/engine/graph/session-device.ts'
import type { SuiteOverrides } from '../core/bench/suite/load.ts'

/** Parses an integer of at least `least`, and at most `most`. */
export function wholeNumber(least: number, most = Infinity): (text: string) => number {
  return (text) => {
    const value = Number(text)
    const isInteger = text.trim() !== '' && Number.isSafeInteger(value)
    if (isInteger && value >= least && value <= most) return value
    throw new InvalidArgumentError(
      most === Infinity
        ? `Expected an integer of at least ${least}.`
        : `Expected an integer from ${least} to ${most}.`,
    )
  }
}

/** Parses comma-separated numbers and fractions, such as `0.49,0.48,0.45` or `1/255`. */
export function numberList(text: string): number[] {
  const values = text.split(',').map(numberOf)
  if (values.every(Number.isFinite)) return values
  throw new InvalidArgumentError(
    'Expected comma-separated numbers or fractions, such as 0.49,0.48,0.45 or 1/255.',
  )
}

/** Parses the range of pixels, such as `0,255`. */
export function boundsList(text: string): number[] {
  const values = text.split(',').map(numberOf)
  const [low = Number.NaN, high = Number.NaN] = values
  if (values.length === 2 && low < high && values.every(Number.isFinite)) return values
  throw new InvalidArgumentError('Expected two numbers, the lower one first, such as 0,255.')
}

/**
 * Parses a pair of words, separated by a comma.
 * @param example for the message
 */
export function pairOf(example: string): (text: string) => string[] {
  return (text) => {
    const words = textList(text)
    if (words.length === 2 && words.every((word) => word !== '')) return words
    throw new InvalidArgumentError(`Expected two, separated by a comma, such as ${example}.`)
  }
}

/** Parses height and width, such as `224,224`. */
export function imageSize(text: string): number[] {
  const sizes = text.split(',').map(numberOf)
  if (sizes.length === 2 && sizes.every((size) => Number.isSafeInteger(size) && size > 0)) {
    return sizes
  }
  throw new InvalidArgumentError('Expected height and width, such as 224,224.')
}

function numberOf(text: string): number {
  const parts = text.split('/')
  if (parts.length > 2 || parts.some((part) => part.trim() === '')) return Number.NaN
  const [numerator = Number.NaN, denominator = 1] = parts.map(Number)
  return numerator / denominator
}

/** Splits a comma-separated list, such as `4/255, 8/255`, and trims its items. */
export function textList(text: string): string[] {
  return text.split(',').map((item) => item.trim())
}

/** Class names: a comma-separated list, or a text file with one name a line. */
export function classNameList(text: string): string[] {
  if (text.includes(',') || !statSync(text, { throwIfNoEntry: false })?.isFile()) {
    return text.split(',').map((item) => item.trim())
  }
  return readFileSync(text, 'utf8').trimEnd().split(/\r?\n/)
}

/**
 * Parses one of several words.
 * @param where the option or argument, for messages: `--norm`
 * @throws ConfigError with a suggestion
 */
export function oneOf(where: string, words: readonly string[]): (text: string) => string {
  return (text) => {
    if (words.includes(text)) return text
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: expected one of ${words.join(', ')}; got "${text}"${didYouMean(text, words)}`,
    )
  }
}

/**
 * The format of `--format` and its short form `--json`.
 * @throws ConfigError ROBENCH_CONFIG if they contradict each other
 */
export function chosenFormat<Id extends string>({
  json,
  format,
}: {
  readonly json?: true
  readonly format?: Id
}): Id | 'json' | 'text' {
  if (!json) return format ?? 'text'
  if (format === undefined || format === 'json') return 'json'
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `--json and --format ${format} are contradictory; use only one of them`,
  )
}

/** Collects the values of a repeatable option. */
export function collect(text: string, previous: readonly string[] = []): string[] {
  return [...previous, text]
}

/** Collects `key=value`. The value is JSON (`true`, `0.5`, `[1,2]`), otherwise a string. */
export function collectOption(
  text: string,
  previous: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const [key, value] = /^(\w+)=(.*)$/s.exec(text)?.slice(1) ?? []
  if (key === undefined || value === undefined) {
    throw new InvalidArgumentError('Expected key=value, such as goal=multi-targeted.')
  }
  try {
    return { ...previous, [key]: JSON.parse(value) as unknown }
  } catch {
    return { ...previous, [key]: value }
  }
}

/** The values of the options that `addRunOptions` adds. */
export interface RunOptions {
  readonly results: string
  readonly workers?: number
  readonly threads: number
  readonly device: string
  readonly engine?: Engine
  readonly limit?: number
  readonly sample?: number
  readonly batchSize?: number
  readonly timeLimit?: number
  readonly stallLimit?: number
  readonly memoryLimit?: number
  readonly fresh?: boolean
  /** False with `--no-checks`. */
  readonly checks: boolean
  readonly saveAdversarial?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
  readonly log?: string
}

/** What runs the passes of attacks. */
export type Engine = 'onnxruntime' | 'tfjs'

const engines: readonly Engine[] = ['onnxruntime', 'tfjs']

/** Describes the argument `<suite>`. */
export const suiteArgument = 'suite file, or name of a built-in suite (see robench list suites)'

/** Describes the option `--queue`. */
export const queueArgument = 'Redis or Valkey with the queue: redis://host:6379'

/** Describes the argument `<result>`. */
export const resultArgument = 'result.json file, or results directory that contains one'

/** Adds the options that control how a suite runs. */
export function addRunOptions(command: Command): Command {
  command
    .optionsGroup('Run:')
    .option('--results <dir>', 'directory for results', 'results')
    .option('--limit <n>', 'use only the first n examples (never ranked)', wholeNumber(1))
    .option(
      '--sample <n>',
      'use a random sample with the same share of each class (never ranked)',
      wholeNumber(1),
    )
    .option('--no-checks', 'skip the reliability probes (never ranked)')
    .option('--fresh', 'ignore saved results and start over')
    .option(
      '--batch-size <n>',
      'examples per batch; does not change any outcome',
      wholeNumber(1, optionLimits.batch),
    )
    .option(
      '--time-limit <seconds>',
      'time limit per chunk of at most 500 examples',
      wholeNumber(1),
    )
    .option(
      '--stall-limit <seconds>',
      'stop a worker after this long without progress (default: 600)',
      wholeNumber(1),
    )
    .option(
      '--memory-limit <MB>',
      'memory of a worker with third-party plugins (default: its share)',
      wholeNumber(256),
    )
  return addMachineOptions(command)
    .addOption(
      new Option('--engine <name>', 'what runs the passes: onnxruntime, or tfjs (TensorFlow.js)')
        .choices(engines)
        .argParser(oneOf('--engine', engines))
        .default('onnxruntime'),
    )
    .option('--quiet', 'print no plan and no progress, only failures and the result')
    .option('--log <file>', 'also append plan, progress, and failures to this file')
    .option('--json', 'print the result as JSON')
}

/** Adds the options that choose processes, threads, and device. */
export function addMachineOptions(command: Command): Command {
  return command
    .option(
      '--workers <n>',
      'worker processes (default: CPU cores / threads; one per GPU with cuda)',
      wholeNumber(1, optionLimits.workers),
    )
    .option('--threads <n>', 'threads per worker process', wholeNumber(1, optionLimits.threads), 1)
    .option(
      '--device <name>',
      'auto, cpu, cuda, cuda:1, webgpu, tensorrt, dml, or coreml; with /float16 for half precision',
      'cpu',
    )
}

/** Columns of the terminal; infinite if standard output is not a terminal, or does not say. */
export function terminalWidth(): number {
  return process.stdout.columns || Number(process.env['COLUMNS']) || Infinity
}

/** @throws ConfigError for a device that the engine does not use */
function deviceOf({ device, engine }: Pick<RunOptions, 'device' | 'engine'>): string {
  if (engine !== 'tfjs') return device
  if (device === 'cpu') return tfjsDevice
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `--device ${device} is a device of onnxruntime; --engine tfjs uses the fastest back-end of ` +
      'TensorFlow.js that is installed',
  )
}

/** The run settings that the options request. */
export function runSettings(options: Omit<RunOptions, 'checks'>): SuiteRunOptions {
  const { results, threads, fresh, saveAdversarial } = options
  return {
    resultsFolder: results,
    threads,
    device: deviceOf(options),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(fresh ? { fresh } : {}),
    ...(saveAdversarial ? { saveAdversarial } : {}),
  }
}

/** The suite settings that the options override. */
export function suiteOverrides({
  limit,
  sample,
  batchSize,
  timeLimit,
  stallLimit,
  memoryLimit,
  checks,
}: RunOptions): SuiteOverrides {
  return {
    ...(checks ? {} : { checks }),
    ...(limit === undefined ? {} : { limit }),
    ...(sample === undefined ? {} : { sample }),
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(timeLimit === undefined ? {} : { timeLimitMs: timeLimit * 1000 }),
    ...(stallLimit === undefined ? {} : { stallLimitMs: stallLimit * 1000 }),
    ...(memoryLimit === undefined ? {} : { memoryLimitMb: memoryLimit }),
  }
}

/** Joins words to one line that a POSIX shell splits into the same words. Hides credentials. */
export function commandLine(words: readonly string[]): string {
  return words
    .map(withoutCredentials)
    .map((word) =>
      /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`,
    )
    .join(' ')
}
