/** `robench certify`: certified L2 radii of a classifier under Gaussian noise. */
import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { count, percent } from '../core/base/figures.ts'
import { ConfigError } from '../core/base/errors.ts'
import { optionLimits } from '../core/base/option-limits.ts'
import { baseClassifier } from '../core/bench/certify/base-classifier.ts'
import type { BaseClassifier } from '../core/bench/certify/base-classifier.ts'
import { certifiedAccuracy, certifyExamples } from '../core/bench/certify/certify.ts'
import type {
  Certificate,
  CertifiedAccuracy,
  CertifyOptions,
} from '../core/bench/certify/certify.ts'
import { loadDataset } from '../core/data/load.ts'
import type { DatasetReference } from '../core/data/dataset.ts'
import { describeExamples, requireClassOrder, requireModelFit } from '../core/data/model-fit.ts'
import { chooseDevice } from '../core/machine/choose-device.ts'
import { loadModel } from '../core/model/load.ts'
import { readModelFile } from '../core/model/model-files.ts'
import type { ModelFile } from '../core/model/model-files.ts'
import { parseEpsilon } from '../core/threat/epsilon.ts'
import { textList, wholeNumber } from './arguments.ts'
import { cardImage } from './eval-suite.ts'
import { addDataOptions, addModelOptions, evalDataset } from './model-options.ts'
import type { DataOptions } from './model-options.ts'
import { namingOptions, readingOptions, requireBothHalves } from './reading-options.ts'
import type { ReadingOptions } from './reading-options.ts'
import { checkManifest } from '../core/api/program/open-model.ts'
import { jsonText, printable } from '../reports/theme/printable.ts'

interface CommandOptions
  extends Omit<DataOptions, 'epsilon' | 'target' | 'box'>, Omit<ReadingOptions, keyof DataOptions> {
  readonly sigma?: string
  readonly epsilon: string[]
  readonly selectionDraws: number
  readonly draws: number
  readonly alpha: number
  readonly limit?: number
  readonly seed: number
  readonly batchSize: number
  readonly threads: number
  readonly device: string
  readonly json?: boolean
}

/** What the command prints. */
interface CertifyResult {
  readonly model: string
  readonly sha256: string
  readonly dataset: string
  readonly options: CertifyOptions
  readonly examples: number
  readonly abstentions: number
  readonly certifiedAccuracy: readonly CertifiedAccuracy[]
  readonly certificates: readonly Certificate[]
}

/** Output streams: results go to `stdout`, progress to `stderr`. */
export interface CertifyStreams {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

/** Radii in L2, in input units. */
const defaultRadii = ['0', '0.25', '0.5', '0.75', '1']

/** The command `certify`. Throws errors; the main program prints them. */
export function certifyCommand(streams: CertifyStreams = process): Command {
  const command = new Command('certify')
    .description('certify the L2 radii of a classifier under Gaussian noise')
    .argument('<model>', 'smoothed model, or any classifier with --sigma')
  addDataOptions(command)
  addModelOptions(command)
  return command
    .optionsGroup('Certificate:')
    .option('--sigma <size>', 'deviation of the noise (default: that of the model card)')
    .addOption(
      new Option('--epsilon <list>', 'radii for the certified accuracy')
        .argParser(textList)
        .default(defaultRadii, defaultRadii.join(',')),
    )
    .option('--selection-draws <n>', 'noisy copies that choose the class', wholeNumber(1), 100)
    .option('--draws <n>', 'noisy copies that bound its probability', wholeNumber(1), 1000)
    .option('--alpha <p>', 'probability of a wrong certificate, per example', probability, 0.001)
    .optionsGroup('Run:')
    .option('--limit <n>', 'use only the first n examples', wholeNumber(1))
    .option('--seed <n>', 'random seed', wholeNumber(0), 0)
    .option('--batch-size <n>', 'noisy copies per pass', wholeNumber(1, optionLimits.batch), 100)
    .option('--threads <n>', 'threads', wholeNumber(1, optionLimits.threads), 1)
    .option('--device <name>', 'auto, cpu, cuda, cuda:1, webgpu, tensorrt, dml, or coreml', 'cpu')
    .option('--json', 'print the result as JSON')
    .action(async (path: string, options: CommandOptions) => {
      requireBothHalves(options)
      const result = await namingOptions(options, () => certify(path, options, streams))
      const text = options.json ? jsonText(result) : printable(describeResult(result))
      streams.stdout.write(`${text}\n`)
    })
}

async function certify(
  path: string,
  given: CommandOptions,
  { stderr }: CertifyStreams,
): Promise<CertifyResult> {
  const image = await cardImage(path, given.data)
  const data = await loadDataset(datasetOf(given, image), { split: 'test', resolvePath: resolve })
  const radii = given.epsilon.map((text) => (text === '0' ? 0 : parseEpsilon(text, '--epsilon')))
  const file = asGiven(await readModelFile(path, 'model'), given)
  const base = baseClassifier(file, data.shape)
  const { selectionDraws, draws, alpha, seed, batchSize, threads } = given
  refuseReading(given, base, path)
  const { device, remark } = await chooseDevice(given.device)
  if (remark) stderr.write(`${remark}\n`)
  const sigma = sigmaOf(given, base, path)
  const options = { sigma, selectionDraws, draws, alpha, seed, batchSize }
  const model = await loadModel(base.bytes, base.manifest, {
    name: path,
    inputShape: data.shape,
    classes: data.classNames.length,
    threads,
    device,
  })
  try {
    if (model.stochastic) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `${path}: the model draws random numbers, and its card does not say which part is the ` +
          'base classifier; certify the file of the base classifier instead',
      )
    }
    requireModelFit(describeExamples(data), model, path)
    requireClassOrder(data.classNames, base.manifest.classNames, path)
    const examples = Math.min(given.limit ?? data.count, data.count)
    const certificates = await certifyExamples(model, data, examples, options, (done) => {
      if (done % 100 === 0) stderr.write(`${count(done)} of ${count(examples)} examples\n`)
    })
    return {
      model: path,
      sha256: file.card.sha256,
      dataset: data.id,
      options,
      examples,
      abstentions: certificates.filter(({ predicted }) => predicted < 0).length,
      certifiedAccuracy: radii.map((epsilon) => certifiedAccuracy(certificates, epsilon)),
      certificates,
    }
  } finally {
    await model.dispose()
  }
}

/** The data, which `eval` names with the same options. */
function datasetOf(given: CommandOptions, image: object | undefined): DatasetReference {
  const { epsilon: _radii, ...data } = given
  return evalDataset(data, image)
}

/** A file whose card says what the options say. */
function asGiven(file: ModelFile, given: CommandOptions): ModelFile {
  const manifest = checkManifest({ ...file.card.manifest, ...readingOptions(given) })
  return { ...file, card: { ...file.card, manifest } }
}

/** @throws ConfigError for options that say how to read a file whose card does */
function refuseReading(given: CommandOptions, { sigma }: BaseClassifier, path: string): void {
  if (sigma === undefined) return
  const stray = (['mean', 'std', 'layout', 'output'] as const).find((key) => given[key])
  if (stray === undefined) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `--${stray}: the card of ${path} says how its base classifier is read; leave it out`,
  )
}

function sigmaOf({ sigma }: CommandOptions, base: BaseClassifier, path: string): number {
  if (sigma !== undefined) return parseEpsilon(sigma, '--sigma')
  if (base.sigma !== undefined) return base.sigma
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${path}: its card names no deviation of the noise; set it with --sigma`,
  )
}

function describeResult(result: CertifyResult): string {
  const { options, examples, abstentions } = result
  const lines = result.certifiedAccuracy.map(
    ({ epsilon, accuracy, interval: { low, high } }) =>
      `certified accuracy at L2 radius ${epsilon}: ${percent(accuracy)} ` +
      `[${percent(low)}, ${percent(high)}]`,
  )
  return [
    `${count(examples)} examples, σ = ${options.sigma}, ${count(options.draws)} draws, ` +
      `α = ${options.alpha}; abstained on ${count(abstentions)}`,
    ...lines,
  ].join('\n')
}

function probability(text: string): number {
  const value = Number(text)
  if (value > 0 && value < 1) return value
  throw new InvalidArgumentError('Expected a number above 0 and below 1.')
}
