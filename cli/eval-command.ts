/** `robench eval`: attacks one ONNX file; builds a suite from the command line and runs it. */
import { statSync } from 'node:fs'
import { Command } from 'commander'
import { ConfigError, RobenchError } from '../core/base/errors.ts'
import { checkSuite } from '../core/bench/suite/load.ts'
import { norms } from '../core/threat/threat-model.ts'
import { addRunOptions, collect, collectOption, suiteOverrides, wholeNumber } from './arguments.ts'
import { attackFlags, evalSuite } from './eval-suite.ts'
import type { EvalOptions } from './eval-suite.ts'
import { execute } from './execute.ts'
import { addDataOptions, addModelOptions, addThreatOptions } from './model-options.ts'
import { evaluateProperty } from './vnnlib.ts'

/** The name of the suite in messages. */
const suiteLabel = 'command line'

/** Flags by the place in the suite that they set. */
const flagAt = {
  '/dataset/id': '--data',
  '/dataset/path': '--data',
  '/dataset/bounds': '--bounds',
  '/dataset/image/size': '--size',
  '/dataset/image/resize': '--resize',
  '/dataset/image/crop': '--crop',
  '/dataset/columns': '--columns',
  '/dataset/classNames': '--class-names',
  '/sample': '--sample',
  '/limit': '--limit',
  '/dataset/inputs': '--inputs',
  '/dataset/labels': '--labels',
  '/dataset': 'data',
  '/threatModels/0/epsilon': '--epsilon',
  '/threatModels/0/curve': '--curve',
  '/threatModels/0/transform': '--transform',
  '/threatModels/0/target': '--target',
  '/dataset/targets': '--target',
  '/defenses/0/options/mean': '--mean',
  '/defenses/0/options/std': '--std',
  '/defenses/0/options/layout': '--layout',
  '/defenses/0/options/bounds': '--bounds',
  '/defenses/0/options/output': '--output',
  '/defenses/0/options/classNames': '--class-names',
  '/defenses/0': 'model',
  '/defenses/': '--surrogate',
  '/seeds': '--seed',
} as const

/**
 * The command `eval`. Sets the exit code of the process: 1 if an attack failed. Throws errors; the
 * main program prints them.
 */
export function evalCommand(): Command {
  const command = new Command('eval')
    .description('attack one ONNX model without a suite')
    // Optional for commander, so that one message names all that is missing.
    .argument('[model]', 'ONNX model file')
    .usage('[options] <model>')
  addDataOptions(command)
  addThreatOptions(command)
  addAttackOptions(command)
  addModelOptions(command)
  return addRunOptions(command)
    .option('--save-adversarial', 'save adversarial examples as .npz files, with an index')
    .option(
      '--vnnlib <file>',
      'in place of data and threat model: search a counterexample of this property',
    )
    .action(async (given: string | undefined, options: EvalOptions) => {
      if (options.vnnlib !== undefined) refuseBesideProperty(options)
      const model = requireOptions(given, options)
      if (options.vnnlib !== undefined) {
        await evaluateProperty(model, options.vnnlib, options)
        return
      }
      const suite = await evalSuite(model, options)
      try {
        const loaded = checkSuite(suite, suiteLabel, process.cwd(), suiteOverrides(options))
        process.exitCode = await execute(loaded, options, process.argv.slice(2))
      } catch (error) {
        if (!(error instanceof RobenchError)) throw error
        const { code, details } = error
        throw new RobenchError(code, withFlags(error.message), { details, cause: error })
      }
    })
}

/**
 * Replaces places in the suite that the command line describes with the flags that set them. The
 * normalization and the bounds of the model are those of the command line, too.
 */
export function withFlags(message: string): string {
  const flagged = withPlaces(message)
  const [start, name] =
    /^model: (?:manifest: (?=mean|std)|option (?=mean|std|bounds))(\w+):?/.exec(flagged) ?? []
  if (start === undefined) return flagged
  const rest = flagged.slice(start.length)
  const isCount = rest.startsWith(' has')
  return `--${name}${isCount ? '' : ':'}${rest.replace(/(?<=but )(?=mean|std)/, '--')}`
}

function withPlaces(message: string): string {
  return message.replaceAll(/command line#(\/[\w/]*)/g, (place, pointer: string) => {
    const [, option] = /^\/attacks\/\d+\/options\/(\w+)/.exec(pointer) ?? []
    if (option !== undefined) {
      return attackFlags[option as keyof typeof attackFlags] ?? `--option ${option}`
    }
    if (/^\/attacks\/\d+\/plugin$/.test(pointer)) return '--attack'
    const prefix = Object.keys(flagAt).find((start) => pointer.startsWith(start))
    if (prefix === undefined) return place
    const flag = flagAt[prefix as keyof typeof flagAt]
    // A transform has parts of its own.
    const part = flag === '--transform' ? pointer.slice(prefix.length + 1) : ''
    return part === '' ? flag : `${flag}: ${part}`
  })
}

/** Options of `eval` that a property decides, or that its search does not use. */
const unusedByProperty = [
  'data',
  'inputs',
  'labels',
  'bounds',
  'norm',
  'epsilon',
  'box',
  'curve',
  'target',
  'transform',
  'mean',
  'std',
  'layout',
  'output',
  'classNames',
  'surrogate',
  'steps',
  'stepSize',
  'restarts',
  'loss',
  'option',
  'limit',
  'sample',
  'saveAdversarial',
] as const satisfies readonly (keyof EvalOptions)[]

/** @throws ConfigError for options that would have no effect */
function refuseBesideProperty(options: EvalOptions): void {
  const stray = unusedByProperty.find((key) => options[key] !== undefined)
  if (stray === undefined) return
  const flag = stray.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `eval: --${flag} has no effect with --vnnlib: the property is about the inputs and outputs of ` +
      'the file; leave it out',
  )
}

/**
 * The path of the model.
 * @throws ConfigError that names all that is missing: the model, its file, and required options
 */
function requireOptions(model: string | undefined, options: EvalOptions): string {
  const { epsilon, box, vnnlib } = options
  if (box && epsilon !== undefined) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      'eval: --box takes the place of --epsilon; give one of them',
    )
  }
  const missing = [
    ...(model === undefined ? ['<model>: an ONNX model file'] : []),
    ...(vnnlib === undefined ? missingOptions(options) : []),
  ]
  if (missing.length === 0 && model !== undefined) return model
  // A file that is not there is named with the options, and otherwise when it is read.
  const isThere = model === undefined || statSync(model, { throwIfNoEntry: false }) !== undefined
  const first = isThere ? [] : [`the file ${model}, which does not exist`]
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `eval: missing:${[...first, ...missing].map((what) => `\n  ${what}`).join('')}`,
  )
}

/** The required options that are missing, with what they take. */
function missingOptions({ norm, epsilon, box, data, inputs, labels }: EvalOptions): string[] {
  return [
    ...(norm === undefined && !box ? [`--norm <norm> (${norms.join(', ')})`] : []),
    ...(epsilon === undefined && !box ? ['--epsilon <size>, such as 8/255'] : []),
    ...(data === undefined && inputs === undefined && labels === undefined
      ? ['--data <id or path>, or --inputs <file> and --labels <file>']
      : []),
  ]
}

function addAttackOptions(command: Command): void {
  command
    .optionsGroup('Attacks:')
    .option('--attack <id>', 'attack to run (repeatable; default: pgd)', collect)
    .option('--steps <n>', 'number of steps', wholeNumber(1))
    .option('--step-size <size>', 'step size, such as 2/255')
    .option('--restarts <n>', 'number of restarts', wholeNumber(1))
    .option('--loss <name>', 'loss to maximize')
    .option(
      '--option <key=value>',
      'any other attack option, such as goal=multi-targeted (repeatable)',
      collectOption,
    )
    .option('--seed <n>', 'random seed (repeatable; default: 0)', collectSeeds)
    .option('--surrogate <file>', '.onnx file that transfer attacks use (repeatable)', collect)
    .option('--plugin <package>', 'package with third-party plugins (repeatable)', collect)
}

function collectSeeds(text: string, previous: readonly number[] = []): number[] {
  return [...previous, wholeNumber(0)(text)]
}
