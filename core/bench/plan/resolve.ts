/**
 * Resolves a suite: finds plugins, resolves options, loads data. All mistakes are reported here.
 */
import { join, resolve } from 'node:path'
import { loadDataset } from '../../data/load.ts'
import type { Dataset, DatasetReference } from '../../data/dataset.ts'
import { ConfigError, RobenchError } from '../../base/errors.ts'
import { hashJson } from '../../base/hash.ts'
import { cacheFolder } from '../../base/paths.ts'
import type { DefensePlugin, PluginMeta, PluginOptions } from '../../plugin/contract.ts'
import { locatePlugins } from '../../plugin/load.ts'
import { readRegistry } from '../../plugin/package-reader.ts'
import type { PluginLimits } from '../../plugin/package-reader.ts'
import type { PackageIdentity } from '../../plugin/package-identity.ts'
import { identifyPackage, providerOf } from '../../plugin/package-identity.ts'
import type { PluginLocation } from '../../plugin/load.ts'
import { optionWithRole } from '../../plugin/option-roles.ts'
import { resolveOptions } from '../../plugin/options.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'
import { checkTransform, suiteThreatModel, withBounds } from '../suite/suite-threat.ts'
import type { LoadedSuite } from '../suite/load.ts'
import { mostCells } from '../suite/limits.ts'
import type { SuiteDefense } from '../suite/schema.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { resolveAttacks } from './resolve-attacks.ts'
import type { PendingAttack, ResolvedAttack } from './resolve-attacks.ts'
import { refuseLongSteps } from './step-sizes.ts'
import {
  refuseUnknownClasses,
  refuseUnknownTarget,
  refuseUselessTarget,
  withClassNumber,
} from './targets.ts'
import { readModelFile } from '../../model/model-files.ts'
import type { ModelFile } from '../../model/model-files.ts'

/** A defense of the suite, with its model file or with all that its model depends on. */
export interface ResolvedDefense {
  readonly name: string
  readonly plugin: string
  readonly version: number
  readonly options: PluginOptions
  /** Absent for a built-in plugin. */
  readonly package?: PackageIdentity
  readonly seed: number
  readonly trains: boolean
  readonly link?: string
  /** Place in the suite, for messages: `suites/a.json#/defenses/0`. */
  readonly where: string
  /** True if only transfer attacks use it. */
  readonly surrogate: boolean
  /** The model file that the suite names, unless it sets `train`. */
  readonly file?: ModelFile
  /** The option that names the user's own file, if the plugin has one. */
  readonly pathOption?: string
  /** Names of the third-party packages whose code makes the model. */
  readonly packages: readonly string[]
  /** The network plugins that the options name: part of a trained model's identity. */
  readonly network?: {
    readonly plugin: string
    readonly version: number
    readonly options: PluginOptions
  }
}

/** A suite with everything that its plan needs. */
export interface ResolvedSuite {
  readonly loaded: LoadedSuite
  readonly plugins: readonly PluginLocation[]
  /** Third-party packages, in the order of the suite. */
  readonly packages: readonly PackageIdentity[]
  readonly dataset: Dataset
  /** Number of evaluated examples: all, or `limit`. */
  readonly examples: number
  /** With the bounds of the data. */
  readonly threatModels: readonly ThreatModel[]
  /** Further epsilons of each threat model, if any. */
  readonly curves: readonly (readonly number[] | undefined)[]
  readonly attacks: readonly ResolvedAttack[]
  readonly defenses: readonly ResolvedDefense[]
}

/** The limits of processes with third-party plugins. */
export function pluginLimits({ suite }: LoadedSuite): PluginLimits {
  const { stallLimitMs, memoryLimitMb } = suite
  return {
    stallLimitMs,
    ...(memoryLimitMb !== undefined && { memoryBytes: memoryLimitMb * 1e6 }),
  }
}

/**
 * Resolves a suite. Runs no model. Third-party packages are read in a process of their own.
 * @param notify receives notices, such as meta keys of a newer contract
 * @throws ConfigError, PluginError
 */
export async function resolveSuite(
  loaded: LoadedSuite,
  notify?: (notice: string) => void,
): Promise<ResolvedSuite> {
  const { suite, label, folder } = loaded
  const plugins = locatePlugins(suite.plugins ?? [], [folder, process.cwd()], label)
  const read = await readRegistry(plugins, notify, pluginLimits(loaded))
  try {
    return await resolveWith(read.registry, loaded, plugins, notify)
  } finally {
    await read.close()
  }
}

async function resolveWith(
  registry: PluginRegistry,
  loaded: LoadedSuite,
  plugins: readonly PluginLocation[],
  notify: (notice: string) => void = () => {},
): Promise<ResolvedSuite> {
  const { suite, label, folder } = loaded
  const packages = plugins.map(identifyPackage)
  const named = suite.threatModels.map((_, index) => suiteThreatModel(suite, index, label))
  const defenses: ResolvedDefense[] = []
  for (const [index, defense] of suite.defenses.entries()) {
    defenses.push(
      await resolveDefense(registry, defense, `${label}#/defenses/${index}`, {
        folder,
        packages,
      }),
    )
  }
  // Attacks are checked first, because loading data takes longer. Their cost needs the number of
  // classes.
  const attackPlugins = await resolveAttacks(loaded, registry, named, packages)
  refuseManyCells(loaded, attackPlugins)
  const dataset = await loadData(loaded)
  for (const doubt of dataset.doubts ?? []) notify(doubt)
  const stated = named.map((threatModel, index) =>
    withClassNumber(threatModel, dataset, `${label}#/threatModels/${index}/target`),
  )
  const examples = Math.min(suite.limit ?? dataset.count, dataset.count)
  for (const [index, { transform, target }] of stated.entries()) {
    const where = `${label}#/threatModels/${index}`
    if (transform) checkTransform(transform, `${where}/transform`, dataset.shape)
    refuseUnknownTarget(target, dataset, `${where}/target`)
    const notice = refuseUselessTarget(target, dataset.labels, examples, `${where}/target`)
    if (notice !== undefined) notify(notice)
  }
  refuseTraining(defenses, dataset)
  refuseUnknownClasses(attackPlugins, dataset.classes)
  const attacks: ResolvedAttack[] = []
  for (const { withClasses } of attackPlugins) {
    attacks.push(await withClasses(dataset.classNames.length))
  }
  for (const unused of unusedSurrogates(suite.defenses, attacks)) {
    notify(`no attack of the suite uses the surrogate "${unused}"`)
  }
  const threatModels = stated.map((threatModel, index) =>
    withBounds(threatModel, dataset, dataset.bounds, `${label}#/threatModels/${index}`),
  )
  refuseLongSteps(
    attackPlugins.flatMap(({ steps }) => steps),
    threatModels,
  )
  return {
    loaded,
    plugins,
    packages,
    dataset,
    examples,
    threatModels,
    curves: stated.map(({ curve }) => curve),
    attacks,
    defenses,
  }
}

/** @throws ConfigError for more cells than a suite may have, seeds counted */
function refuseManyCells({ suite, label }: LoadedSuite, attacks: readonly PendingAttack[]): void {
  const { defenses, threatModels, seeds } = suite
  const rows = defenses.filter(({ role }) => role !== 'surrogate').length * threatModels.length
  const stochastic = attacks.filter((attack) => attack.stochastic).length
  const cells = rows * (attacks.length + stochastic * (seeds.length - 1))
  if (cells <= mostCells) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${label}: expected at most ${mostCells} cells, got ${cells}, because ${stochastic} of its ` +
      `attacks run with each of ${seeds.length} seeds; divide the suite`,
  )
}

/** Names of surrogates that no attack uses. */
function unusedSurrogates(
  defenses: readonly SuiteDefense[],
  attacks: readonly ResolvedAttack[],
): string[] {
  const used = new Set(
    defenses.flatMap(({ name }) => attacks.flatMap(({ surrogates }) => surrogates?.(name) ?? [])),
  )
  return defenses.flatMap(({ name, role }) =>
    role === 'surrogate' && !used.has(name) ? [name] : [],
  )
}

/** @throws ConfigError for a defense that would train on pixels outside of [0, 1] */
function refuseTraining(defenses: readonly ResolvedDefense[], { bounds }: Dataset): void {
  if (bounds[0] === 0 && bounds[1] === 1) return
  const trained = defenses.find(({ trains, file }) => trains && !file)
  if (!trained) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${trained.where}: training needs pixels in [0, 1], but the bounds of the data are ` +
      `[${bounds.join(', ')}]; leave the bounds out`,
  )
}

/** The reference to the suite's data set. */
export function datasetReference({ suite }: LoadedSuite): DatasetReference {
  // The schema has checked the form and the lengths.
  const reference = suite.dataset as unknown as DatasetReference
  return suite.sample ? { ...reference, sample: suite.sample } : reference
}

/** The directory of a model in the cache. */
export function modelFolder(cacheKey: string): string {
  return join(cacheFolder(), 'models', cacheKey)
}

/**
 * Name of a trained model's directory in the cache: a hash of all that its training depends on.
 * @param givenHash of the file that an option names, if there is one
 */
export function trainedModelKey(
  defense: ResolvedDefense,
  threatModel: ThreatModel,
  trainHash: string,
  givenHash?: string,
): string {
  const { plugin, version, options, seed, network } = defense
  return hashJson({
    plugin,
    version,
    options,
    seed,
    network: network ?? null,
    threatModel,
    trainHash,
    ...(givenHash !== undefined && { givenHash }),
  })
}

async function loadData(loaded: LoadedSuite): Promise<Dataset> {
  try {
    return await loadDataset(datasetReference(loaded), {
      split: 'test',
      resolvePath: (path) => resolve(loaded.folder, path),
    })
  } catch (error) {
    if (!(error instanceof RobenchError)) throw error
    throw new ConfigError(error.code, `${loaded.label}#/dataset: ${error.message}`, {
      cause: error,
    })
  }
}

const trainOrCheck = 'check the path, or set "train": true to train the model'

async function resolveDefense(
  registry: PluginRegistry,
  defense: SuiteDefense,
  where: string,
  { folder, packages }: { readonly folder: string; readonly packages: readonly PackageIdentity[] },
): Promise<ResolvedDefense> {
  const { name, plugin: id, seed, link } = defense
  const plugin: DefensePlugin<never> = await registry.get('defense', id, `${where}/plugin`)
  const options = resolveOptions(plugin.meta, defense.options, `${where}/options`)
  const network = await resolveNetwork(registry, plugin.meta, options, `${where}/options`)
  const path = optionWithRole(plugin.meta, 'path')
  const file =
    defense.model !== undefined && defense.train !== true
      ? await readModelFile(resolve(folder, defense.model), `${where}/model`, trainOrCheck)
      : undefined
  return {
    name,
    plugin: id,
    version: plugin.meta.version,
    options,
    seed,
    trains: plugin.meta.trains,
    where,
    surrogate: defense.role === 'surrogate',
    ...providerOf(packages, registry.packageOf('defense', id)),
    ...(link === undefined ? {} : { link }),
    ...(file === undefined ? {} : { file }),
    ...(path === undefined ? {} : { pathOption: path }),
    packages: packagesFor(registry, packages, { id, network: network?.plugin }),
    ...(network === undefined ? {} : { network }),
  }
}

/**
 * The packages that a worker imports to make a model. A third-party defense may ask for networks of
 * any package of the suite.
 */
function packagesFor(
  registry: PluginRegistry,
  packages: readonly PackageIdentity[],
  { id, network }: { readonly id: string; readonly network: string | undefined },
): string[] {
  const names = packages.map(({ name }) => name)
  if (registry.packageOf('defense', id) !== 'robench') return names
  const own = network === undefined ? undefined : registry.packageOf('network', network)
  return names.filter((name) => name === own)
}

/** The network plugin of the option with the role `network`, checked before training. */
async function resolveNetwork(
  registry: PluginRegistry,
  meta: PluginMeta,
  options: PluginOptions,
  where: string,
): Promise<ResolvedDefense['network']> {
  const option = optionWithRole(meta, 'network')
  if (option === undefined) return undefined
  const stated = options[option]
  const place = `${where}/${option}`
  if (typeof stated !== 'object' || stated === null || !('id' in stated)) return undefined
  const id = String(stated.id)
  const network = await registry.get('network', id, `${place}/id`)
  const given: unknown = Reflect.get(stated, 'options')
  return {
    plugin: id,
    version: network.meta.version,
    options: resolveOptions(network.meta, given, `${place}/options`),
  }
}
