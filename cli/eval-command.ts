/** `robench eval`: attacks one ONNX file without a suite; the suite is made from the command line and run like any other. */
import { basename } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError, didYouMean } from '../core/base/errors.ts'
import type { AttackPlugin } from '../core/plugin/contract.ts'
import { loadRegistry, locatePlugins } from '../core/plugin/load.ts'
import { checkSuite } from '../core/bench/suite/load.ts'
import { norms } from '../core/threat/threat-model.ts'
import { addRunOptions, collect, numberList, suiteOverrides, wholeNumber } from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { execute } from './execute.ts'

interface EvalOptions extends RunOptions {
  readonly data?: string
  readonly inputs?: string
  readonly labels?: string
  readonly norm: string
  readonly epsilon: string
  readonly transform?: unknown
  readonly curve?: string[]
  readonly surrogate: string[]
  readonly attack: string[]
  readonly plugin: string[]
  readonly seed: number[]
  readonly mean?: number[]
  readonly std?: number[]
  readonly layout?: string
  readonly bounds?: number[]
  readonly output?: string
  readonly classNames?: string[]
  readonly steps?: number
  readonly stepSize?: string
  readonly restarts?: number
  readonly loss?: string
  readonly option: Readonly<Record<string, unknown>>
}

/** Flags that become options of the attacks, by the option's name. */
const attackFlags = {
  steps: '--steps',
  stepSize: '--step-size',
  restarts: '--restarts',
  loss: '--loss',
} as const

/** The command `eval`. Sets the process's exit code: 1 if cells failed. Errors are thrown: the main program prints them. */
export function evalCommand(): Command {
  const command = new Command('eval')
    .description('attack one ONNX model, without a suite')
    .argument('<model>', 'an .onnx file')
    .option('--data <id>', 'a data set (robench list datasets)')
    .option('--inputs <file>', 'own data: .npy, float32 or uint8, [n, c, h, w]')
    .option('--labels <file>', 'own data: .npy, whole numbers, [n]')
    .addOption(
      new Option('--norm <norm>', 'the norm of the ball').choices(norms).makeOptionMandatory(),
    )
    .requiredOption('--epsilon <size>', 'its radius in units of the inputs, such as 8/255')
    .option(
      '--transform <json>',
      'what the attacker may do to the image besides, such as {"kind":"attribute","ranges":{"rotation":[-10,10]}}',
      parseTransform,
    )
    .option(
      '--curve <list>',
      'further radii, joined by commas, for a curve of robust accuracy',
      (text: string) => text.split(','),
    )
    .option(
      '--surrogate <file>',
      'another .onnx file, for attacks by transfer; may be repeated',
      collect,
      [],
    )
    .option('--attack <id>', 'may be repeated (default: pgd)', collect, [])
    .option('--steps <n>', 'option of the attack', wholeNumber(1))
    .option('--step-size <size>', 'option of the attack, such as 2/255')
    .option('--restarts <n>', 'option of the attack', wholeNumber(1))
    .option('--loss <name>', 'option of the attack')
    .option(
      '--option <key=value>',
      'any other option of the attack, such as goal=multi-targeted; may be repeated',
      collectOption,
      {},
    )
    .option('--seed <n>', 'may be repeated (default: 0)', collectSeeds, [])
    .option('--mean <list>', 'normalization before the file, one number per channel', numberList)
    .option('--std <list>', 'normalization before the file, one number per channel', numberList)
    .addOption(new Option('--layout <layout>', 'what the file expects').choices(['NCHW', 'NHWC']))
    .option(
      '--bounds <list>',
      'range of the inputs before normalization (default: 0,1)',
      numberList,
    )
    .option('--output <name>', 'the graph output with the logits (default: the first)')
    .option('--class-names <list>', 'joined by commas', (text: string) => text.split(','))
    .option('--plugin <package>', "a third party's plugin package; may be repeated", collect, [])
    .option('--save-adversarial', 'keep the adversarial examples as .npy files')
  return addRunOptions(command).action(async (model: string, options: EvalOptions) => {
    const suite = await evalSuite(model, options)
    const loaded = checkSuite(suite, 'command line', process.cwd(), suiteOverrides(options))
    process.exitCode = await execute(loaded, options, process.argv.slice(2))
  })
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

function collectSeeds(text: string, previous: readonly number[]): number[] {
  return [...previous, wholeNumber(0)(text)]
}

/** `key=value`; the value is JSON (`true`, `0.5`, `[1,2]`) or else text. */
function collectOption(
  text: string,
  previous: Readonly<Record<string, unknown>>,
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

/** The suite that the command line stands for. @throws ConfigError */
async function evalSuite(model: string, options: EvalOptions): Promise<unknown> {
  const name =
    basename(model, '.onnx')
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '') || 'model'
  const slug = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  const attacks = options.attack.length > 0 ? options.attack : ['pgd']
  const { seed } = options
  return {
    id: `eval-${slug || 'model'}`,
    title: `${basename(model)} on ${options.data ?? basename(options.inputs ?? 'own data')}`,
    ...(options.plugin.length > 0 ? { plugins: options.plugin } : {}),
    dataset: evalDataset(options),
    threatModels: [
      {
        norm: options.norm,
        epsilon: options.epsilon,
        ...(options.transform === undefined ? {} : { transform: options.transform }),
        ...(options.curve ? { curve: options.curve } : {}),
      },
    ],
    defenses: [
      { name, plugin: 'onnx-model', options: modelOptions(model, options) },
      ...options.surrogate.map((file, index) => ({
        name: `surrogate-${index + 1}`,
        plugin: 'onnx-model',
        options: { file },
        role: 'surrogate',
      })),
    ],
    attacks: await evalAttacks(attacks, options),
    ...(seed.length > 0 ? { seeds: seed } : {}),
  }
}

function evalDataset({ data, inputs, labels }: EvalOptions): Readonly<Record<string, string>> {
  if (data !== undefined && inputs === undefined && labels === undefined) return { id: data }
  if (data === undefined && inputs !== undefined && labels !== undefined) return { inputs, labels }
  throw new ConfigError(
    'ROBENCH_CONFIG',
    'data: expected either --data <id>, or both --inputs <file> and --labels <file>; got ' +
      (Object.entries({ data, inputs, labels })
        .flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag} ${value}`]))
        .join(' ') || 'neither'),
  )
}

function modelOptions(file: string, options: EvalOptions): Readonly<Record<string, unknown>> {
  const { bounds, layout, mean, std, output, classNames } = options
  return Object.fromEntries(
    Object.entries({ file, bounds, layout, mean, std, output, classNames }).filter(
      ([, value]) => value !== undefined,
    ),
  )
}

/** Each flag goes to the attacks that take it. @throws ConfigError if none does */
async function evalAttacks(ids: readonly string[], options: EvalOptions): Promise<unknown[]> {
  const registry = await loadRegistry(locatePlugins(options.plugin, [process.cwd()], '--plugin'))
  const accepted: { id: string; names: readonly string[] }[] = []
  for (const id of ids) {
    const { meta }: AttackPlugin<never> = await registry.get('attack', id, '--attack')
    accepted.push({
      id,
      names: Object.keys((meta.optionsSchema?.['properties'] as object | undefined) ?? {}),
    })
  }
  const flags = Object.entries(attackFlags).flatMap(([option, flag]) => {
    const value = options[option as keyof typeof attackFlags]
    return value === undefined ? [] : [{ option, flag, value }]
  })
  const others = Object.entries(options.option).map(([option, value]) => ({
    option,
    flag: `--option ${option}`,
    value,
  }))
  const given = [...flags, ...others]
  for (const { option, flag } of given) {
    if (accepted.some(({ names }) => names.includes(option))) continue
    const lists = accepted.map(
      ({ id, names }) =>
        `${id} accepts: ${names.join(', ') || 'nothing'}${didYouMean(option, names)}`,
    )
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${flag}: no attack of this command takes it (${lists.join('; ')})`,
    )
  }
  return accepted.map(({ id, names }, index) => ({
    // The same attack may be named twice.
    ...(ids.indexOf(id) === index ? {} : { name: `${id}-${index + 1}` }),
    plugin: id,
    options: Object.fromEntries(
      given.flatMap(({ option, value }) => (names.includes(option) ? [[option, value]] : [])),
    ),
  }))
}
