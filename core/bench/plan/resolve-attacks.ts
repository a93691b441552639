/** The attacks of a suite: found, their options checked, and fitted to the suite's threat models. */
import type { AttackFacts } from '../checks/outcome-check.ts'
import { ConfigError, didYouMean } from '../../base/errors.ts'
import type {
  AttackMeta,
  AttackPlugin,
  PassEstimate,
  PluginOptions,
} from '../../plugin/contract.ts'
import { optionWithRole } from '../../plugin/option-roles.ts'
import { resolveOptions } from '../../plugin/options.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'
import type { ChosenAttack } from '../../plugin/wrapped-attack.ts'
import type { LoadedSuite, SuiteThreatModel } from '../suite/load.ts'
import { suiteAttacks } from '../suite/matrix.ts'
import type { SuiteAttack } from '../suite/matrix.ts'
import type { PlanAttack } from './plan.ts'
import type { Suite } from '../suite/schema.ts'
import type { Norm } from '../../threat/threat-model.ts'
import { transformRecord } from '../../threat/transforms/table.ts'
import type { TransformKind } from '../../threat/transforms/table.ts'

/** An attack of the suite, and what it may ask of a model. */
export interface ResolvedAttack extends PlanAttack {
  readonly facts: AttackFacts
}

/**
 * The attacks of a suite, but for the number of classes, which their cost depends on and the data say.
 * @throws ConfigError for an unknown plugin, a wrong option, or an attack that cannot work in one of the threat models
 */
export async function resolveAttacks(
  { suite, label }: LoadedSuite,
  registry: PluginRegistry,
  threatModels: readonly SuiteThreatModel[],
): Promise<((classes: number) => ResolvedAttack)[]> {
  const resolved: ((classes: number) => ResolvedAttack)[] = []
  for (const stated of suiteAttacks(suite)) {
    const where = `${label}#/attacks/${stated.index}`
    const chosen = await chooseAttack(registry, stated, where)
    for (const threatModel of threatModels) requireFit(chosen, threatModel, `${where}/plugin`)
    const { meta } = chosen.plugin
    const option = optionWithRole(meta, 'models')
    const surrogates =
      option === undefined
        ? undefined
        : surrogateNames(suite, chosen.options[option], `${where}/options/${option}`)
    resolved.push((classes) => ({
      name: stated.name,
      plugin: meta.id,
      version: meta.version,
      options: chosen.options,
      stochastic: meta.stochastic || chosen.inner?.plugin.meta.stochastic === true,
      minimumNorm: meta.minimumNorm === true,
      facts: { knowledge: meta.knowledge, surrogates: option !== undefined },
      passes: (norm, defense) =>
        costOf(withSurrogates(chosen, surrogates?.(defense)), classes, norm),
      ...(surrogates && { surrogates }),
    }))
  }
  return resolved
}

/**
 * An attack with its options. Those of an attack that it wraps, and that one's version, become part of them, since they decide on
 * the numbers as much.
 * @param where of the attack in the suite, for messages
 * @throws ConfigError
 */
export async function chooseAttack(
  registry: PluginRegistry,
  stated: Pick<SuiteAttack, 'plugin' | 'options'>,
  where: string,
): Promise<ChosenAttack> {
  const plugin = await registry.get('attack', stated.plugin, `${where}/plugin`)
  const { meta } = plugin
  const options = resolveOptions(meta, stated.options, `${where}/options`)
  const wrapped = optionWithRole(meta, 'attack')
  if (wrapped === undefined) return { plugin, options }
  const { id, options: given } = options[wrapped] as { id: string; options?: PluginOptions }
  const place = `${where}/options/${wrapped}`
  const inner = await chooseAttack(registry, { plugin: id, options: given ?? {} }, place)
  const { transforms } = inner.plugin.meta
  if (transforms || optionWithRole(inner.plugin.meta, 'models') !== undefined) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${place}/id: ${meta.id} cannot wrap ${id}, which ${transforms ? 'transforms images' : 'needs surrogates'}; name another attack`,
    )
  }
  const attack = { id, version: inner.plugin.meta.version, options: inner.options }
  return { plugin, options: { ...options, [wrapped]: attack }, inner }
}

/** The same attack from options that were resolved before, as cells have them. */
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

/** With the names filled in that an empty list stands for, which the cost depends on. */
function withSurrogates(
  chosen: ChosenAttack,
  surrogates: readonly string[] | undefined,
): ChosenAttack {
  const option = optionWithRole(chosen.plugin.meta, 'models')
  if (!surrogates || option === undefined) return chosen
  return { ...chosen, options: { ...chosen.options, [option]: surrogates } }
}

function costOf(
  { plugin, options, inner }: ChosenAttack,
  classes: number,
  norm: Norm,
): PassEstimate {
  const within = inner && costOf(inner, classes, norm)
  // The options have just been checked against this plugin's own schema.
  return plugin.cost(options as never, classes, norm, within)
}

/** @throws ConfigError if the attack does not know the norm, or the transform is not for it */
function requireFit(
  { plugin, inner }: ChosenAttack,
  { norm, epsilon, transform }: SuiteThreatModel,
  where: string,
): void {
  for (const { id, norms } of [plugin.meta, ...(inner ? [inner.plugin.meta] : [])]) {
    if (norms.includes(norm)) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: attack "${id}" knows the norm ${norms.join(', ')}, ` +
        `but the suite has a threat model in ${norm}; leave one of them out`,
    )
  }
  const problem = transformProblem(plugin.meta, transform?.kind, epsilon)
  if (problem !== undefined) throw new ConfigError('ROBENCH_CONFIG', `${where}: ${problem}`)
}

function transformProblem(
  { id, transforms, transformOptional }: AttackMeta,
  kind: TransformKind | undefined,
  epsilon: number,
): string | undefined {
  const uses = transforms?.some((known) => known === kind) === true
  if (uses) return undefined
  if (transforms && !transformOptional) {
    const stated = kind === undefined ? 'one without a transform' : `one with "${kind}"`
    return `attack "${id}" needs a threat model with the transform ${transforms.map((known) => `"${known}"`).join(' or ')}, but the suite has ${stated}; leave one of them out`
  }
  if (kind !== undefined && !transformRecord(kind).adversarial) {
    return `attack "${id}" does not corrupt images, but the suite has a threat model with the transform "${kind}"; leave one of them out`
  }
  if (epsilon > 0) return undefined
  return `attack "${id}" makes no use of the transform "${kind}", and epsilon is 0 in this threat model, so that nothing is left for it to do; give an epsilon`
}

/** The defenses whose models an attack by transfer uses: those of its option, or all others. */
function surrogateNames(
  { defenses }: Suite,
  option: unknown,
  where: string,
): (defense: string) => string[] {
  const names = defenses.map(({ name }) => name)
  // The schema of an option with the role `models` is a list of names.
  const stated = (option ?? []) as readonly string[]
  stated.forEach((name, index) => {
    if (names.includes(name)) return
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}/${index}: the suite has no defense "${name}"${didYouMean(name, names)} (it has: ${names.join(', ')})`,
    )
  })
  const evaluated = defenses.filter(({ role }) => role !== 'surrogate')
  const used = (defense: string): string[] =>
    (stated.length > 0 ? stated : names).filter((name) => name !== defense)
  const without = evaluated.find(({ name }) => used(name).length === 0)
  if (without) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: nothing to transfer from to "${without.name}"; add another defense to the suite, with "role": "surrogate" if it is not to be evaluated`,
    )
  }
  return used
}
