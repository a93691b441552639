/** The registry of plugins: loads each on first use and checks it against the contract. */
import { ConfigError, PluginError, RobenchError, didYouMean } from '../base/errors.ts'
import { compileSchema, shown } from '../base/schema.ts'
import { hostApiVersion } from './api-version.ts'
import type {
  AttackPlugin,
  DefensePlugin,
  NetworkPlugin,
  PassEstimate,
  Plugin,
  PluginKind,
  PluginOptions,
  PluginTable,
} from './contract.ts'
import { pluginMetaSchemas } from './meta-schema.ts'
import { checkOptionRoles } from './option-roles.ts'
import { compileOptionsSchema } from './options.ts'
import { requireEstimate } from './pass-estimate.ts'
import { reasonOf } from './blame.ts'
import type { Norm } from '../threat/threat-model.ts'

/** A plugin table and the package that exports it: `robench` itself, or a third party's. */
export interface PluginPackage {
  readonly name: string
  readonly table: PluginTable
  /** Computes the cost of an attack that runs in another process; default: its own `cost`. */
  readonly cost?: (request: CostRequest) => Promise<unknown>
}

/** The arguments of an attack's `cost`, beside the id of the attack. */
export interface CostRequest {
  readonly id: string
  readonly options: PluginOptions
  readonly classes: number
  readonly norm: Norm
  /** The cost of the attack that it wraps. */
  readonly inner?: PassEstimate
}

/** The type of a plugin, by kind. */
export interface PluginOfKind {
  attack: AttackPlugin<never>
  defense: DefensePlugin<never>
  network: NetworkPlugin<never>
}

interface Entry {
  readonly packageName: string
  readonly load: () => Promise<Plugin>
  readonly cost: PluginPackage['cost']
}

/** The keys of a plugin table by kind. */
export const tableKeys = { attack: 'attacks', defense: 'defenses', network: 'networks' } as const
const entryPoints = { attack: ['run', 'cost'], defense: ['prepare'], network: ['define'] } as const
/** All kinds of plugins. */
export const pluginKinds = ['attack', 'defense', 'network'] as const satisfies readonly PluginKind[]

/** Plugins by kind and id. */
export class PluginRegistry {
  readonly #entries = new Map<string, Entry>()
  readonly #loaded = new Map<string, Promise<Plugin>>()
  readonly #notify: (notice: string) => void

  /**
   * @param notify receives notices, such as a meta key that this version does not know
   * @throws ConfigError if two packages provide the same id
   * @throws PluginError if a package exports no plugin table
   */
  constructor(packages: readonly PluginPackage[], notify: (notice: string) => void = () => {}) {
    this.#notify = notify
    for (const one of packages) this.#add(one)
  }

  /** All ids of a kind, sorted. */
  ids(kind: PluginKind): string[] {
    const prefix = `${kind}:`
    return [...this.#entries.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length))
      .toSorted()
  }

  /** The name of the package that provides a plugin; `robench` for built-ins. */
  packageOf(kind: PluginKind, id: string): string | undefined {
    return this.#entries.get(`${kind}:${id}`)?.packageName
  }

  /**
   * A plugin by id.
   * @param where the place that names it, for messages: `suites/a.json#/attacks/0/plugin`
   * @throws ConfigError if the id is unknown; PluginError if the plugin breaks the contract
   */
  async get<K extends PluginKind>(kind: K, id: string, where = ''): Promise<PluginOfKind[K]> {
    const key = `${kind}:${id}`
    const entry = this.#entries.get(key)
    if (!entry) throw this.#unknown(kind, id, where)
    let loading = this.#loaded.get(key)
    if (!loading) {
      loading = this.#load(kind, id, entry)
      this.#loaded.set(key, loading)
    }
    // #load has checked the kind.
    return (await loading) as PluginOfKind[K]
  }

  /**
   * Passes of an attack for one example that is never broken.
   * @throws PluginError ROBENCH_PLUGIN_CONTRACT unless the plugin returns two numbers
   */
  async cost(request: CostRequest): Promise<PassEstimate> {
    const { id, options, classes, norm, inner } = request
    const remote = this.#entries.get(`attack:${id}`)?.cost
    const plugin = await this.get('attack', id)
    // The options were checked against this plugin's own schema.
    const estimate: unknown = await (remote
      ? remote(request)
      : plugin.cost(options as never, classes, norm, inner))
    return requireEstimate(plugin.meta, estimate)
  }

  #add({ name: packageName, table: given, cost }: PluginPackage): void {
    const table: unknown = given
    if (typeof table !== 'object' || table === null) {
      throw contractError(
        packageName,
        `package "${packageName}": the default export must be a plugin table ` +
          `{ attacks?, defenses?, networks? }, got ${shown(table)}`,
      )
    }
    for (const key of Object.keys(table)) {
      if (!Object.values<string>(tableKeys).includes(key)) {
        this.#notify(`package "${packageName}": unknown key "${key}" of the plugin table; ignored`)
      }
    }
    if (!Object.values(tableKeys).some((key) => key in table)) {
      throw contractError(
        packageName,
        `package "${packageName}": the default export must be a plugin table ` +
          `{ attacks?, defenses?, networks? }, got ${
            Object.keys(table).length > 0 ? `keys ${Object.keys(table).join(', ')}` : 'no keys'
          }`,
      )
    }
    for (const kind of pluginKinds) {
      const loaders: unknown = Reflect.get(table, tableKeys[kind]) ?? {}
      for (const [id, load] of Object.entries(loaders as Readonly<Record<string, unknown>>)) {
        this.#addOne(packageName, kind, id, load, cost)
      }
    }
  }

  #addOne(
    packageName: string,
    kind: PluginKind,
    id: string,
    load: unknown,
    cost: Entry['cost'],
  ): void {
    const key = `${kind}:${id}`
    const other = this.#entries.get(key)
    if (other) {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `packages "${other.packageName}" and "${packageName}" both provide the ${kind} "${id}"; ` +
          'remove one from the suite\'s "plugins", or ask its author to prefix the id ' +
          '("acme/blur")',
      )
    }
    if (typeof load !== 'function') {
      throw contractError(
        id,
        `package "${packageName}": ${tableKeys[kind]}["${id}"] must be a function that loads ` +
          `the plugin, got ${shown(load)}`,
      )
    }
    this.#entries.set(key, { packageName, load: load as () => Promise<Plugin>, cost })
  }

  async #load(kind: PluginKind, id: string, { packageName, load }: Entry): Promise<Plugin> {
    let plugin: unknown
    try {
      plugin = await load()
    } catch (cause) {
      // From another process: the error has been described there.
      if (cause instanceof RobenchError) throw cause
      throw new PluginError(
        'ROBENCH_PLUGIN_CONTRACT',
        `package "${packageName}": ${kind} "${id}" cannot be loaded: ${reasonOf(cause)}`,
        { details: { pluginId: id }, cause },
      )
    }
    this.#check(kind, id, packageName, plugin)
    return plugin as Plugin
  }

  #check(kind: PluginKind, id: string, packageName: string, plugin: unknown): void {
    const name = `package "${packageName}": ${kind} "${id}"`
    if (typeof plugin !== 'object' || plugin === null || Reflect.get(plugin, 'kind') !== kind) {
      throw contractError(id, `${name} must be a record with kind "${kind}", got ${shown(plugin)}`)
    }
    const meta: unknown = Reflect.get(plugin, 'meta')
    const problem = apiVersionProblem(meta)
    if (problem !== undefined) throw contractError(id, `${name} ${problem}`)
    const schema = pluginMetaSchemas[kind]
    const problems = compileSchema(schema)(meta).problems
    if (problems.length > 0) {
      throw contractError(
        id,
        problems.map((problem) => `${name}: meta${problem.pointer} ${problem.message}`).join('\n'),
      )
    }
    // The schema has just been checked: meta is an object with an id.
    const checked = meta as Plugin['meta']
    for (const key of Object.keys(checked)) {
      if (!(key in schema.properties)) {
        this.#notify(`${name}: unknown key "${key}" of meta; ignored`)
      }
    }
    if (checked.id !== id) {
      throw contractError(
        id,
        `${name}: meta.id is "${checked.id}", but must equal its key in the table`,
      )
    }
    for (const entryPoint of entryPoints[kind]) {
      if (typeof Reflect.get(plugin, entryPoint) !== 'function') {
        throw contractError(id, `${name} has no function "${entryPoint}"`)
      }
    }
    if (checked.optionsSchema) compileOptionsSchema(id, checked.optionsSchema)
    const roleProblem = checkOptionRoles(checked)
    if (roleProblem !== undefined) throw contractError(id, `${name}: ${roleProblem}`)
  }

  #unknown(kind: PluginKind, id: string, where: string): ConfigError {
    const known = this.ids(kind)
    return new ConfigError(
      'ROBENCH_CONFIG',
      `${where ? `${where}: ` : ''}unknown ${kind} plugin "${id}"${didYouMean(id, known)} ` +
        `(available ${tableKeys[kind]}: ${known.join(', ') || 'none'}; ` +
        'third-party plugins come from the packages in the suite\'s "plugins")',
    )
  }
}

/** Describes why the plugin's contract is unsupported; undefined if it is supported. */
function apiVersionProblem(meta: unknown): string | undefined {
  const stated: unknown =
    typeof meta === 'object' && meta !== null ? Reflect.get(meta, 'apiVersion') : undefined
  if (typeof stated !== 'number' || !Number.isInteger(stated) || stated < 1) {
    return (
      `must state the version of the plugin contract as a literal, ` +
      `meta.apiVersion: ${hostApiVersion}; got ${shown(stated)}`
    )
  }
  if (stated <= hostApiVersion) return undefined
  return (
    `requires plugin contract ${stated}, but this robench supports up to ${hostApiVersion}; ` +
    'update robench, or install an older version of the plugin'
  )
}

function contractError(pluginId: string, message: string): PluginError {
  return new PluginError('ROBENCH_PLUGIN_CONTRACT', message, { details: { pluginId } })
}
