/** The attacks and the threat model of a program, checked by the rules of a suite. */
import { ConfigError } from '../../base/errors.ts'
import { shown } from '../../base/schema.ts'
import { reviveAttack, resolveAttacks } from '../../bench/plan/resolve-attacks.ts'
import type { ResolvedAttack } from '../../bench/plan/resolve-attacks.ts'
import { checkSuite } from '../../bench/suite/load.ts'
import { suiteThreatModel } from '../../bench/suite/suite-threat.ts'
import type { SuiteThreatModel } from '../../bench/suite/suite-threat.ts'
import { loadRegistry, locatePlugins } from '../../plugin/load.ts'
import type { PluginLocation } from '../../plugin/load.ts'
import { readRegistry } from '../../plugin/package-reader.ts'
import { optionWithRole } from '../../plugin/option-roles.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'
import type { ChosenAttack } from '../../plugin/wrapped-attack.ts'
import type { AttackChoice, ProgramSettings, ThreatModelInput } from './request.ts'

/** An attack with its options, to be run on any model and examples. */
export interface ReadyAttack {
  readonly chosen: ChosenAttack
  /** Its name, version, options and what it needs. */
  readonly resolved: ResolvedAttack
  /** Names of the surrogates that it uses. */
  readonly surrogates: readonly string[]
}

/** A request without its model and its examples. */
export interface ReadyRequest {
  readonly seed: number
  readonly batchSize: number
  readonly threatModel: SuiteThreatModel
  readonly attacks: readonly ReadyAttack[]
}

/** The plugins of a program. */
export interface OpenPlugins {
  readonly registry: PluginRegistry
  /** Packages whose code runs in other processes. */
  readonly elsewhere: readonly PluginLocation[]
  close(): Promise<void>
}

/**
 * The built-in plugins and those of a program.
 * @param inProcess import the packages into this process
 * @throws ConfigError for a package that does not exist
 */
export async function openPlugins(
  plugins: readonly string[] = [],
  where: string,
  inProcess = false,
): Promise<OpenPlugins> {
  const locations = locatePlugins(plugins, [process.cwd()], where)
  if (inProcess) {
    return { registry: await loadRegistry(locations), elsewhere: [], close: async () => {} }
  }
  return { ...(await readRegistry(locations)), elsewhere: locations }
}

/**
 * Checks attacks and threat model and fills in defaults.
 * @param where the function that was called, for messages
 * @throws ConfigError for an unknown attack, a wrong option, or an attack that does not fit the
 * threat model
 */
export async function resolveRequest(
  registry: PluginRegistry,
  request: {
    readonly threatModel: ThreatModelInput
    readonly attacks: readonly AttackChoice[]
  } & Pick<ProgramSettings, 'seed' | 'batchSize' | 'surrogates'>,
  where: string,
): Promise<ReadyRequest> {
  const { threatModel, attacks, seed = 0, batchSize, surrogates = {} } = request
  if (!Array.isArray(attacks)) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: attacks: expected a list such as ["autoattack"], got ${shown(attacks)}`,
    )
  }
  await requireSurrogates(registry, attacks, Object.keys(surrogates), where)
  const model = 'model'
  const defense = (name: string): object => ({ name, plugin: 'onnx-model', options: {} })
  const document = {
    id: 'program',
    title: where,
    dataset: { id: 'data' },
    threatModels: [threatModel],
    defenses: [
      defense(model),
      ...Object.keys(surrogates).map((name) => ({ ...defense(name), role: 'surrogate' })),
    ],
    attacks: nameAttacks(attacks),
    seeds: [seed],
    ...(batchSize !== undefined && { batchSize }),
  }
  const loaded = checkSuite(document, where, process.cwd())
  const stated = suiteThreatModel(loaded.suite, 0, where)
  const found = await resolveAttacks(loaded, registry, [stated])
  const ready: ReadyAttack[] = []
  for (const attack of found) {
    // The number of classes only affects the expected cost, which is not used here.
    const resolved = await attack.withClasses(2)
    const used = resolved.surrogates?.(model) ?? []
    ready.push({ chosen: await reviveAttack(registry, resolved), resolved, surrogates: used })
  }
  return { seed, batchSize: loaded.suite.batchSize, threatModel: stated, attacks: ready }
}

/**
 * @throws ConfigError for a transfer attack without surrogates. The suite's rules reject unknown
 * attacks.
 */
async function requireSurrogates(
  registry: PluginRegistry,
  attacks: readonly AttackChoice[],
  surrogates: readonly string[],
  where: string,
): Promise<void> {
  const known = registry.ids('attack')
  for (const attack of surrogates.length > 0 ? [] : attacks) {
    const id = typeof attack === 'string' ? attack : attack?.id
    if (!known.includes(id)) continue
    if (!optionWithRole((await registry.get('attack', id)).meta, 'models')) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: attack "${id}" needs other models; pass surrogates: { name: model }`,
    )
  }
}

/** The attacks as in a suite. A repeated attack gets a name with a number. */
function nameAttacks(attacks: readonly AttackChoice[]): object[] {
  const ids = attacks.map((attack) => (typeof attack === 'string' ? attack : attack?.id))
  return attacks.map((attack, index) => {
    const plugin = ids[index]
    const repeated = ids.slice(0, index).filter((id) => id === plugin).length
    const numbered = repeated > 0 && { name: `${plugin}-${repeated + 1}` }
    if (typeof attack === 'string') return { plugin, ...numbered }
    const { id: _, ...rest } = attack ?? {}
    return { plugin, ...numbered, ...rest }
  })
}
