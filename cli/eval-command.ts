/** `robench eval`: attacks one ONNX file; builds a suite from the command line and runs it. */
import { basename } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError, RobenchError, didYouMean } from '../core/base/errors.ts'
import { slugOf } from '../core/base/slug.ts'
import type { AttackPlugin } from '../core/plugin/contract.ts'
import { loadRegistry, locatePlugins } from '../core/plugin/load.ts'
import { checkSuite } from '../core/bench/suite/load.ts'
import { norms } from '../core/threat/threat-model.ts'
import {
  addRunOptions,
  collect,
  oneOf,
  suiteOverrides,
  textList,
  wholeNumber,
} from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { execute } from './execute.ts'
import { addReadingOptions, readingOptions, type ReadingOptions } from './reading-options.ts'

interface EvalOptions extends RunOptions, ReadingOptions {
  readonly data?: string
  readonly inputs?: string
  readonly labels?: string
  readonly norm?: string
  readonly epsilon?: string
  readonly transform?: unknown
  readonly curve?: string[]
  readonly surrogate?: string[]
  readonly attack?: string[]
  readonly plugin?: string[]
  readonly seed?: number[]
  readonly steps?: number
  readonly stepSize?: string
  readonly restarts?: number
  readonly loss?: string
  readonly option?: Readonly<Record<string, unknown>>
}

/** The name of the suite in messages. */
const suiteLabel = 'command line'

/** Flags by the place in the suite that they set. */
const flagAt = {
  '/dataset/id': '--data',
  '/dataset/inputs': '--inputs',
  '/dataset/labels': '--labels',
  '/dataset': 'data',
  '/threatModels/0/epsilon': '--epsilon',
  '/threatModels/0/curve': '--curve',
  '/threatModels/0/transform': '--transform',
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

/** Flags for common attack options, by option name. */
const attackFlags = {
  steps: '--steps',
  stepSize: '--step-size',
  restarts: '--restarts',
  loss: '--loss',
} as const

/**
 * The command `eval`. Sets the exit code of the process: 1 if an attack failed. Throws errors; the
 * main program prints them.
 */
export function evalCommand(): Command {
  const command = new Command('eval')
    .description('attack one ONNX model without a suite')
    .argument('<model>', 'ONNX model file')
  addDataOptions(command)
  addThreatOptions(command)
  addAttackOptions(command)
  addReadingOptions(command)
  return addRunOptions(command)
    .option('--save-adversarial', 'save adversarial examples as .npy files')
    .action(async (model: string, options: EvalOptions) => {
      requireOptions(options)
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

/** Replaces places in the suite that the command line describes with the flags that set them. */
export function withFlags(message: string): string {
  return message.replaceAll(/command line#(\/[\w/]*)/g, (place, pointer: string) => {
    const [, option] = /^\/attacks\/\d+\/options\/(\w+)/.exec(pointer) ?? []
    if (option !== undefined) {
      return attackFlags[option as keyof typeof attackFlags] ?? `--option ${option}`
    }
    const prefix = Object.keys(flagAt).find((start) => pointer.startsWith(start))
    if (prefix === undefined) return place
    const flag = flagAt[prefix as keyof typeof flagAt]
    // A transform has parts of its own.
    const part = flag === '--transform' ? pointer.slice(prefix.length + 1) : ''
    return part === '' ? flag : `${flag}: ${part}`
  })
}

/** @throws ConfigError that names every required option that is missing */
function requireOptions({ norm, epsilon, data, inputs, labels }: EvalOptions): void {
  const missing = [
    ...(norm === undefined ? [`--norm <norm> (${norms.join(', ')})`] : []),
    ...(epsilon === undefined ? ['--epsilon <size>, such as 8/255'] : []),
    ...(data === undefined && inputs === undefined && labels === undefined
      ? ['--data <id>, or --inputs <file> and --labels <file>']
      : []),
  ]
  if (missing.length === 0) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `eval: missing options:${missing.map((option) => `\n  ${option}`).join('')}`,
  )
}

function addDataOptions(command: Command): void {
  command
    .optionsGroup('Data (--data, or --inputs and --labels):')
    .option('--data <id>', 'id of a data set (robench list datasets)')
    .option('--inputs <file>', 'your images as .npy: float32 or uint8, [n, c, h, w]')
    .option('--labels <file>', 'your labels as .npy: integers, [n]')
}

function addThreatOptions(command: Command): void {
  command
    .optionsGroup('Threat model:')
    .addOption(
      new Option('--norm <norm>', 'norm of the perturbation (required)')
        .choices(norms)
        .argParser(oneOf('--norm', norms)),
    )
    .option('--epsilon <size>', 'maximum norm in input units, such as 8/255 (required)')
    .option(
      '--curve <list>',
      'further epsilons, such as 2/255,4/255, for a robustness curve',
      textList,
    )
    .option(
      '--transform <json>',
      'transform allowed besides the perturbation, such as ' +
        '{"kind":"attribute","ranges":{"rotation":[-10,10]}}',
      parseTransform,
    )
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

function parseTransform(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InvalidArgumentError(
      'Expected JSON, such as {"kind":"amplitude","mix":0.3,"scale":0.1}.',
    )
  }
}

function collectSeeds(text: string, previous: readonly number[] = []): number[] {
  return [...previous, wholeNumber(0)(text)]
}

/** Collects `key=value`. The value is JSON (`true`, `0.5`, `[1,2]`), otherwise a string. */
function collectOption(
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

/** The suite that the command line describes. @throws ConfigError */
async function evalSuite(model: string, options: EvalOptions): Promise<unknown> {
  const name =
    basename(model, '.onnx')
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '') || 'model'
  const { norm, epsilon, transform, curve, surrogate = [], plugin, seed } = options
  return {
    id: `eval-${slugOf(name) || 'model'}`,
    title: `${basename(model)} on ${options.data ?? basename(options.inputs ?? 'private data')}`,
    ...(plugin && { plugins: plugin }),
    dataset: evalDataset(options),
    threatModels: [
      { norm, epsilon, ...(transform !== undefined && { transform }), ...(curve && { curve }) },
    ],
    defenses: [
      { name, plugin: 'onnx-model', options: { file: model, ...readingOptions(options) } },
      ...surrogate.map((file, index) => ({
        name: `surrogate-${index + 1}`,
        plugin: 'onnx-model',
        options: { file },
        role: 'surrogate',
      })),
    ],
    attacks: await evalAttacks(options),
    ...(seed && { seeds: seed }),
  }
}

function evalDataset({ data, inputs, labels }: EvalOptions): Readonly<Record<string, string>> {
  if (data !== undefined && inputs === undefined && labels === undefined) return { id: data }
  if (data === undefined && inputs !== undefined && labels !== undefined) return { inputs, labels }
  const given = Object.entries({ data, inputs, labels })
    .flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag} ${value}`]))
    .join(' ')
  throw new ConfigError(
    'ROBENCH_CONFIG',
    'expected either --data <id>, or both --inputs <file> and --labels <file>; ' +
      `got ${given || 'none of them'}`,
  )
}

/** An attack and the names of its options. */
interface SelectedAttack {
  readonly id: string
  readonly names: readonly string[]
}

/** An attack option from the command line. */
interface GivenOption {
  readonly option: string
  /** As typed, for messages. */
  readonly flag: string
  readonly value: unknown
}

/** Each option applies to the attacks that accept it. @throws ConfigError if none does */
async function evalAttacks(options: EvalOptions): Promise<unknown[]> {
  const { attack: ids = ['pgd'], plugin = [] } = options
  const attacks = await selectAttacks(ids, plugin)
  const given = givenOptions(options)
  for (const each of given) requireAccepted(each, attacks)
  return attacks.map(({ id, names }, index) => ({
    // Names must be unique, but --attack may repeat an id.
    ...(ids.indexOf(id) === index ? {} : { name: `${id}-${index + 1}` }),
    plugin: id,
    options: Object.fromEntries(
      given.flatMap(({ option, value }) => (names.includes(option) ? [[option, value]] : [])),
    ),
  }))
}

async function selectAttacks(
  ids: readonly string[],
  packages: readonly string[],
): Promise<SelectedAttack[]> {
  const registry = await loadRegistry(locatePlugins(packages, [process.cwd()], '--plugin'))
  const attacks: SelectedAttack[] = []
  for (const id of ids) {
    const { meta }: AttackPlugin<never> = await registry.get('attack', id, '--attack')
    const properties = (meta.optionsSchema?.['properties'] as object | undefined) ?? {}
    attacks.push({ id, names: Object.keys(properties) })
  }
  return attacks
}

function givenOptions(options: EvalOptions): GivenOption[] {
  const flags = Object.entries(attackFlags).flatMap(([option, flag]) => {
    const value = options[option as keyof typeof attackFlags]
    return value === undefined ? [] : [{ option, flag, value }]
  })
  const others = Object.entries(options.option ?? {}).map(([option, value]) => ({
    option,
    flag: `--option ${option}`,
    value,
  }))
  return [...flags, ...others]
}

function requireAccepted({ option, flag }: GivenOption, attacks: readonly SelectedAttack[]): void {
  if (attacks.some(({ names }) => names.includes(option))) return
  const lists = attacks.map(
    ({ id, names }) => `${id} accepts: ${names.join(', ') || 'none'}${didYouMean(option, names)}`,
  )
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${flag}: unknown option for the selected attacks (${lists.join('; ')})`,
  )
}
