/** `robench verify`: checks a result again by other means, or judges points from anywhere. */
import { randomInt } from 'node:crypto'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { ConfigError } from '../core/base/errors.ts'
import { countOf, percent } from '../core/base/figures.ts'
import { withClassNumber } from '../core/bench/plan/targets.ts'
import { loadDataset } from '../core/data/load.ts'
import { checkSuite } from '../core/bench/suite/load.ts'
import { suiteThreatModel, withBounds } from '../core/bench/suite/suite-threat.ts'
import { verifyExternal } from '../core/bench/verify/verify-external.ts'
import type { ExternalJudgment } from '../core/bench/verify/verify-external.ts'
import { verifyResultFile } from '../core/bench/verify/verify-result.ts'
import type { Verification } from '../core/bench/verify/verify-result.ts'
import { plainManifest } from '../core/model/manifest.ts'
import type { ModelManifest } from '../core/model/manifest.ts'
import { addMachineOptions, resultArgument, wholeNumber } from './arguments.ts'
import { exitCodes } from './failure.ts'
import { addDataOptions, addModelOptions, addThreatOptions, evalDataset } from './model-options.ts'
import type { DataOptions } from './model-options.ts'
import { jsonText, printable } from '../reports/theme/printable.ts'

interface VerifyOptions extends DataOptions {
  readonly adversarials?: string
  readonly sample: number
  readonly seed?: number
  readonly folder?: string
  readonly points?: string
  readonly indices?: string
  readonly model?: string
  readonly norm?: string
  readonly epsilon?: string
  readonly curve?: string[]
  readonly transform?: unknown
  readonly mean?: readonly number[]
  readonly std?: readonly number[]
  readonly layout?: ModelManifest['layout']
  readonly output?: string
  readonly device: string
  readonly threads: number
  readonly json?: true
}

/** Violations that are printed. */
const shownViolations = 20

/**
 * The command `verify`. Sets the exit code of the process: 1 if something differs, or a point is
 * outside the threat model.
 */
export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('check a result again by other means, or judge adversarial examples')
    .argument('[result]', resultArgument)
    .option('--sample <n>', 'examples per attack that run again; 0 for none', wholeNumber(0), 16)
    .option('--seed <n>', 'chooses the sample (default: random)', wholeNumber(0))
    .option('--adversarials <dir>', 'saved adversarial examples (default: beside the result)')
    .option('--folder <dir>', 'directory that paths in the suite are relative to')
    .optionsGroup('Points from anywhere, instead of a result:')
    .option('--points <file>', 'points as .npy, or as .npz with x_adv and indices')
    .option('--indices <file>', 'their positions in the data as .npy (default: 0, 1, 2, …)')
    .option('--model <file>', 'ONNX file of the model')
  addDataOptions(command)
  addThreatOptions(command)
  addModelOptions(command)
  command.optionsGroup('Run:')
  return addMachineOptions(command)
    .option('--json', 'print the outcome as JSON')
    .action(async (result: string | undefined, options: VerifyOptions) => {
      if (options.points !== undefined) await verifyPoints(options)
      else if (result !== undefined) await verifyOne(result, options)
      else {
        throw new ConfigError(
          'ROBENCH_CONFIG',
          'verify: expected a result, or --points and --model',
        )
      }
    })
}

async function verifyOne(result: string, options: VerifyOptions): Promise<void> {
  const { sample, adversarials, folder, device, threads, json } = options
  const seed = options.seed ?? randomInt(2 ** 31)
  const found = await verifyResultFile(result, {
    sample,
    seed,
    ...(folder !== undefined && { folder: resolve(folder) }),
    device,
    threads,
    ...(adversarials !== undefined && { adversarials }),
    signal: new AbortController().signal,
    ...(process.stderr.isTTY &&
      !json && {
        progress: (what: string) => process.stderr.write(`verifying ${printable(what)}\n`),
      }),
  })
  if (json) process.stdout.write(`${jsonText({ ...found, seed })}\n`)
  else process.stdout.write(printable(describeVerification(found, sample > 0 ? seed : undefined)))
  if (!found.holds) process.exitCode = exitCodes.failures
}

/** The parts of a verification as text, differences last. */
export function describeVerification({ parts, holds }: Verification, seed?: number): string {
  const lines = parts.map(({ name, checked, differences }) => {
    const verdict = differences.length === 0 ? 'ok' : `${differences.length} differ`
    return `${name.padEnd(9)} ${verdict.padEnd(10)} ${checked}`
  })
  const differences = parts.flatMap((part) => part.differences.map((text) => `  ${text}`))
  return [
    ...lines,
    ...(seed === undefined ? [] : [`sample of --seed ${seed}`]),
    ...(differences.length > 0 ? ['', 'Differences:', ...differences] : []),
    '',
    holds ? 'The result holds.' : 'The result does not hold.',
    '',
  ].join('\n')
}

/** Threat models that points cannot be judged in. */
const unjudged = [
  'curve',
  'transform',
  'target',
  'box',
] as const satisfies readonly (keyof VerifyOptions)[]

async function verifyPoints(options: VerifyOptions): Promise<void> {
  const refused = unjudged.find((key) => options[key] !== undefined)
  if (refused !== undefined) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `verify --points: --${refused} is not supported; points are judged in one ball around the ` +
        'images, whose size is --epsilon',
    )
  }
  const { points, indices, model, norm, epsilon, mean, std, layout, output } = options
  if (model === undefined || norm === undefined || epsilon === undefined) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      'verify --points: expected --model, --norm, --epsilon, and the data',
    )
  }
  const reference = evalDataset(options)
  const dataset = await loadDataset(reference, { split: 'test' })
  const { suite } = checkSuite(
    {
      id: 'points',
      title: 'Points',
      dataset: reference,
      threatModels: [{ norm, epsilon }],
      defenses: [{ name: 'model', plugin: 'onnx-model', options: { file: model } }],
      attacks: [{ plugin: 'pgd' }],
    },
    'command line',
    process.cwd(),
  )
  const stated = withClassNumber(
    suiteThreatModel(suite, 0, 'command line'),
    dataset,
    'command line',
  )
  const judgment = await verifyExternal({
    points: points!,
    ...(indices !== undefined && { indices }),
    model,
    manifest: {
      ...plainManifest,
      bounds: dataset.bounds,
      ...(mean && { mean }),
      ...(std && { std }),
      ...(layout && { layout }),
      ...(output !== undefined && { output }),
    },
    dataset,
    threatModel: withBounds(stated, dataset, dataset.bounds, 'command line'),
  })
  const text = options.json ? `${jsonText(judgment)}\n` : printable(describeJudgment(judgment))
  process.stdout.write(text)
  if (judgment.outside > 0) process.exitCode = exitCodes.failures
}

/** The judgment of points as text. */
export function describeJudgment(judgment: ExternalJudgment): string {
  const { points, wrong, broken, robust, outside, rounding, violations } = judgment
  const hidden = violations.length - shownViolations
  return [
    `${countOf(points, 'point')}, predicted by ${judgment.path}`,
    `misclassified without attack  ${wrong}`,
    `broken                        ${broken}`,
    `robust                        ${robust} (${percent(robust / points)})`,
    `outside the threat model      ${outside}`,
    `largest distance              ${judgment.largestDistance}`,
    ...(rounding > 0 ? [`margin within rounding        ${rounding}`] : []),
    ...(outside > 0 ? ['', 'A point outside counts as not broken:'] : []),
    ...violations.slice(0, shownViolations).map((text) => `  ${text}`),
    ...(hidden > 0 ? [`  ${hidden} more`] : []),
    '',
  ].join('\n')
}
