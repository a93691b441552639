/** Resolves the attacks of a suite: plugins, options, and costs. */
import { targetSchema } from '../../attack/targets.ts'
import type { AttackFacts } from '../checks/outcome-check.ts'
import { ConfigError, RobenchError, didYouMean, toErrorRecord } from '../../base/errors.ts'
import type { AttackPlugin, PassEstimate, PluginOptions } from '../../plugin/contract.ts'
import { optionWithRole } from '../../plugin/option-roles.ts'
import { resolveOptions } from '../../plugin/options.ts'
import { providerOf } from '../../plugin/package-identity.ts'
import type { PackageIdentity } from '../../plugin/package-identity.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'
import type { ChosenAttack } from '../../plugin/wrapped-attack.ts'
import type { LoadedSuite } from '../suite/load.ts'
import type { SuiteThreatModel } from '../suite/suite-threat.ts'
import { suiteAttacks } from '../suite/matrix.ts'
import type { SuiteAttack } from '../suite/matrix.ts'
import { refuseOtherGoal, requireFit } from './attack-fit.ts'
import type { PlanAttack } from './plan.ts'
import { mostPasses, mostWrapped } from '../suite/limits.ts'
import { statedSteps, statesSteps } from './step-sizes.ts'
import type { StatedStep } from './step-sizes.ts'
import type { Suite } from '../suite/schema.ts'
import type { Norm } from '../../threat/threat-model.ts'

/** An attack of the suite, and the access to a model that it needs. */
export interface ResolvedAttack extends PlanAttack {
  readonly facts: AttackFacts
  /**
   * True if it ends on an example as soon as that is broken. Other attacks look for nearer points,
   * or run on another model.
   */
  readonly endsWhenBroken: boolean
  /** Place in the suite, for messages. */
  readonly where: string
  /** Options that name a class of the data. */
  readonly classes: Readonly<Record<string, number>>
}

/** A resolved attack whose cost is not known yet. */
export interface PendingAttack extends Pick<ResolvedAttack, 'stochastic' | 'where' | 'classes'> {
  /** The step sizes that the suite states, in the units of the inputs. */
  readonly steps: readonly StatedStep[]
  /** The attack on data with that number of classes. */
  withClasses(classes: number): Promise<ResolvedAttack>
}

/**
 * Resolves the attacks of a suite. Their cost depends on the number of classes, which is known only
 * from the data.
 * @throws ConfigError for an unknown plugin, an invalid option, or an attack that does not support
 * one of the threat models
 */
export async function resolveAttacks(
  { suite, label }: LoadedSuite,
  registry: PluginRegistry,
  threatModels: readonly SuiteThreatModel[],
  packages: readonly PackageIdentity[] = [],
): Promise<PendingAttack[]> {
  const resolved: PendingAttack[] = []
  for (const stated of suiteAttacks(suite)) {
    const where = `${label}#/attacks/${stated.index}`
    const chosen = await chooseAttack(registry, stated, where, packages)
    for (const threatModel of threatModels) requireFit(chosen, threatModel, `${where}/plugin`)
    // An attack without a target needs the options.
    if (threatModels.every(({ target }) => target !== undefined)) {
      refuseOtherGoal(chosen, stated.options, threatModels[0]?.target, `${where}/options`)
    }
    const { meta } = chosen.plugin
    const option = optionWithRole(meta, 'models')
    const surrogates =
      option === undefined
        ? undefined
        : surrogateNames(suite, chosen.options[option], `${where}/options/${option}`)
    const norms = new Set(threatModels.map(({ norm }) => norm))
    const stochastic = meta.stochastic || chosen.inner?.plugin.meta.stochastic === true
    const classes = classOptions(chosen)
    resolved.push({
      where,
      classes,
      stochastic,
      steps: statedSteps(chosen, where),
      withClasses: async (count) => ({
        where,
        classes,
        name: stated.name,
        plugin: meta.id,
        version: meta.version,
        options: chosen.options,
        ...providerOf(packages, registry.packageOf('attack', meta.id)),
        stochastic,
        minimumNorm: meta.minimumNorm === true,
        endsWhenBroken: !meta.minimumNorm && !meta.restricted && !meta.transforms && !surrogates,
        facts: {
          knowledge: meta.knowledge,
          surrogates: option !== undefined,
          ...(meta.restricted && { restricted: true }),
          ...(statesSteps(meta) && { statesSteps: true }),
        },
        ...(await knownCost(registry, chosen, { classes: count, norms, suite, surrogates, where })),
        ...(surrogates && { surrogates }),
      }),
    })
  }
  return resolved
}

/**
 * Resolves an attack and its options. Options and version of a wrapped attack become part of these
 * options, because outcomes depend on them as well.
 * @param where place of the attack in the suite, for messages
 * @param packages the third-party packages of the registry
 * @param depth number of attacks that wrap this one
 * @throws ConfigError
 */
export async function chooseAttack(
  registry: PluginRegistry,
  stated: Pick<SuiteAttack, 'plugin' | 'options'>,
  where: string,
  packages: readonly PackageIdentity[] = [],
  depth = 0,
): Promise<ChosenAttack> {
  if (depth > mostWrapped) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: expected at most ${mostWrapped} wrappers around an attack`,
    )
  }
  const plugin = await registry.get('attack', stated.plugin, `${where}/plugin`)
  const { meta } = plugin
  const options = resolveOptions(meta, stated.options, `${where}/options`)
  const wrapped = optionWithRole(meta, 'attack')
  if (wrapped === undefined) return { plugin, options }
  const { id, options: given } = options[wrapped] as { id: string; options?: PluginOptions }
  const place = `${where}/options/${wrapped}`
  const within = { plugin: id, options: given ?? {} }
  const inner = await chooseAttack(registry, within, place, packages, depth + 1)
  const { transforms } = inner.plugin.meta
  if (transforms || optionWithRole(inner.plugin.meta, 'models') !== undefined) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${place}/id: ${meta.id} cannot wrap ${id}, which ` +
        `${transforms ? 'transforms images' : 'needs surrogates'}; choose another attack`,
    )
  }
  const attack = {
    id,
    version: inner.plugin.meta.version,
    options: inner.options,
    ...providerOf(packages, registry.packageOf('attack', id)),
  }
  return { plugin, options: { ...options, [wrapped]: attack }, inner }
}

/** The options that are a class number: those with the kit's schema of targets. */
function classOptions({ plugin, options }: ChosenAttack): Record<string, number> {
  const properties = Object.entries(plugin.meta.optionsSchema?.['properties'] ?? {})
  return Object.fromEntries(
    properties.flatMap(([key, schema]) => {
      const value = options[key]
      return schema === targetSchema && typeof value === 'number' ? [[key, value]] : []
    }),
  )
}

/** Restores an attack from the resolved options of a cell. */
export async function reviveAttack(
  registry: PluginRegistry,
  { plugin: id, options }: { readonly plugin: string; readonly options: PluginOptions },
): Promise<ChosenAttack> {
  const plugin: AttackPlugin<never> = await registry.get('attack', id)
  const wrapped = optionWithRole(plugin.meta, 'attack')
  if (wrapped === undefined) return { plugin, options }
  const { id: innerId, options: given } = options[wrapped] as {
    id: string
    options: PluginOptions
  }
  return {
    plugin,
    options,
    inner: await reviveAttack(registry, { plugin: innerId, options: given }),
  }
}

/** Sets the option to the resolved surrogates; an empty list means all. */
function withSurrogates(
  chosen: ChosenAttack,
  surrogates: readonly string[] | undefined,
): ChosenAttack {
  const option = optionWithRole(chosen.plugin.meta, 'models')
  if (!surrogates || option === undefined) return chosen
  return { ...chosen, options: { ...chosen.options, [option]: surrogates } }
}

/**
 * Passes of an attack per example that stays robust.
 * @param registry computes the cost of a third-party attack in another process
 * @throws PluginError
 */
export async function attackCost(
  registry: PluginRegistry,
  { plugin, options, inner }: ChosenAttack,
  classes: number,
  norm: Norm,
): Promise<PassEstimate> {
  const within = inner && (await attackCost(registry, inner, classes, norm))
  const { id } = plugin.meta
  return registry.cost({ id, options, classes, norm, ...(within && { inner: within }) })
}

/** What the cost of an attack depends on beside its options. */
interface CostSetting {
  readonly classes: number
  readonly norms: ReadonlySet<Norm>
  readonly suite: Suite
  readonly surrogates: ((defense: string) => readonly string[]) | undefined
  /** Place of the attack in the suite, for messages. */
  readonly where: string
}

/** The costs, or why they are not known: a fault of a third-party attack concerns its cells only. */
async function knownCost(
  registry: PluginRegistry,
  chosen: ChosenAttack,
  setting: CostSetting,
): Promise<Pick<PlanAttack, 'passes' | 'fault'>> {
  let table: ReadonlyMap<string, PassEstimate>
  try {
    table = await costTable(registry, chosen, setting)
  } catch (error) {
    if (!(error instanceof RobenchError)) throw error
    return { passes: () => ({ forward: 0, backward: 0 }), fault: toErrorRecord(error) }
  }
  for (const passes of table.values()) refuseManyPasses(chosen, passes, setting.where)
  // Rows have the norms and the defenses of the suite.
  return { passes: (norm, defense) => table.get(costKey(setting, norm, defense))! }
}

/** @throws ConfigError for an attack that would not end */
function refuseManyPasses({ plugin }: ChosenAttack, passes: PassEstimate, where: string): void {
  const { forward, backward, setup = { forward: 0, backward: 0 } } = passes
  const all = Math.max(forward + backward, setup.forward + setup.backward)
  if (all <= mostPasses) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${where}: expected at most ${mostPasses} passes for one example, but these options of ` +
      `"${plugin.meta.id}" need ${all}; lower its steps, restarts, or samples`,
  )
}

function costKey({ surrogates }: CostSetting, norm: Norm, defense: string): string {
  return surrogates ? `${norm} ${surrogates(defense).join(' ')}` : norm
}

/** The costs for all norms, and with surrogates for all evaluated defenses. */
async function costTable(
  registry: PluginRegistry,
  chosen: ChosenAttack,
  setting: CostSetting,
): Promise<ReadonlyMap<string, PassEstimate>> {
  const { classes, norms, suite, surrogates } = setting
  const table = new Map<string, PassEstimate>()
  const evaluated = suite.defenses.filter(({ role }) => role !== 'surrogate')
  for (const norm of norms) {
    for (const { name } of surrogates ? evaluated : evaluated.slice(0, 1)) {
      const key = costKey(setting, norm, name)
      if (table.has(key)) continue
      const own = withSurrogates(chosen, surrogates?.(name))
      table.set(key, await attackCost(registry, own, classes, norm))
    }
  }
  return table
}

/** Names of the defenses whose models a transfer attack uses: its option, or all others. */
function surrogateNames(
  { defenses }: Suite,
  option: unknown,
  where: string,
): (defense: string) => string[] {
  const names = defenses.map(({ name }) => name)
  const known = new Set(names)
  // The schema of an option with the role `models` is a list of names.
  const stated = (option ?? []) as readonly string[]
  stated.forEach((name, index) => {
    if (known.has(name)) return
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}/${index}: unknown defense "${name}"${didYouMean(name, names)} (the suite has: ` +
        `${names.join(', ')})`,
    )
  })
  const evaluated = defenses.filter(({ role }) => role !== 'surrogate')
  const used = (defense: string): string[] =>
    (stated.length > 0 ? stated : names).filter((name) => name !== defense)
  const [only, ...others] = new Set(stated.length > 0 ? stated : names)
  const without = others.length === 0 && evaluated.find(({ name }) => name === only)
  if (without) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: there is no surrogate for "${without.name}"; add another defense to the suite, ` +
        'with "role": "surrogate" if it should not be evaluated',
    )
  }
  return used
}
