/** The suite that the command line of `robench eval` describes. */
import { basename, extname } from 'node:path'
import { ConfigError, didYouMean } from '../core/base/errors.ts'
import { slugOf } from '../core/base/slug.ts'
import { isFolder } from '../core/data/registry.ts'
import { readModelFile } from '../core/model/model-files.ts'
import type { AttackPlugin } from '../core/plugin/contract.ts'
import { locatePlugins } from '../core/plugin/load.ts'
import { readRegistry } from '../core/plugin/package-reader.ts'
import type { RunOptions } from './arguments.ts'
import { evalDataset } from './model-options.ts'
import type { DataOptions } from './model-options.ts'

/** The values of the options of `eval`. */
export interface EvalOptions extends RunOptions, DataOptions {
  readonly norm?: string
  readonly transform?: unknown
  readonly curve?: string[]
  readonly surrogate?: string[]
  readonly attack?: string[]
  readonly plugin?: string[]
  readonly seed?: number[]
  readonly mean?: number[]
  readonly std?: number[]
  readonly layout?: string
  readonly output?: string
  readonly vnnlib?: string
  readonly steps?: number
  readonly stepSize?: string
  readonly restarts?: number
  readonly loss?: string
  readonly option?: Readonly<Record<string, unknown>>
}

/** Flags for common attack options, by option name. */
export const attackFlags = {
  steps: '--steps',
  stepSize: '--step-size',
  restarts: '--restarts',
  loss: '--loss',
} as const

/** The suite that the command line describes. @throws ConfigError */
export async function evalSuite(model: string, options: EvalOptions): Promise<unknown> {
  const name =
    basename(model, '.onnx')
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '') || 'model'
  const { box, epsilon } = options
  const epsilonsFile = epsilon?.endsWith('.npy') === true
  const { norm, transform, curve, target, surrogate = [], plugin, seed } = options
  return {
    id: `eval-${slugOf(name) || 'model'}`,
    title: `${basename(model)} on ${options.data ?? basename(options.inputs ?? 'private data')}`,
    ...(plugin && { plugins: plugin }),
    dataset: evalDataset(options, await cardImage(model, options.data)),
    threatModels: [
      {
        norm: norm ?? (box ? 'Linf' : undefined),
        ...(box || epsilonsFile ? { given: box ? 'box' : 'epsilons' } : { epsilon }),
        ...(transform !== undefined && { transform }),
        ...(curve && { curve }),
        ...(target !== undefined && { target: targetOf(target) }),
      },
    ],
    defenses: [
      { name, plugin: 'onnx-model', options: modelOptions(model, options) },
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

/** The target of the threat model: a class number, a word, or `given` for a file. */
function targetOf(text: string): string | number {
  if (text.endsWith('.npy')) return 'given'
  return /^\d+$/.test(text) ? Number(text) : text
}

/** Resizing and cropping by the model's card, for data that consists of images. */
export async function cardImage(
  model: string,
  data: string | undefined,
): Promise<object | undefined> {
  if (data === undefined) return undefined
  const hasImages = isFolder(data) || extname(data).toLowerCase() === '.parquet'
  return hasImages ? (await readModelFile(model, 'model')).card.image : undefined
}

function modelOptions(file: string, options: EvalOptions): Readonly<Record<string, unknown>> {
  const { bounds, layout, mean, std, output, classNames } = options
  return Object.fromEntries(
    Object.entries({ file, bounds, layout, mean, std, output, classNames }).filter(
      ([, value]) => value !== undefined,
    ),
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
  const { attack: ids = ['pgd'], plugin = [], transform } = options
  if (transform !== undefined && !options.attack) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      '--transform: the default attack, pgd, leaves the transform as it is; state --attack ' +
        '(spatial and spa change attributes, amplitude-mix and spectral-exchange spectra, ' +
        'corruption corrupts)',
    )
  }
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
  const read = await readRegistry(locatePlugins(packages, [process.cwd()], '--plugin'))
  try {
    const attacks: SelectedAttack[] = []
    for (const id of ids) {
      const { meta }: AttackPlugin<never> = await read.registry.get('attack', id, '--attack')
      const properties = (meta.optionsSchema?.['properties'] as object | undefined) ?? {}
      attacks.push({ id, names: Object.keys(properties) })
    }
    return attacks
  } finally {
    await read.close()
  }
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
