/** Whether an attack of a suite fits the threat models of the suite. */
import { goalSchema, targetSchema } from '../../attack/targets.ts'
import { ConfigError } from '../../base/errors.ts'
import { shown } from '../../base/schema.ts'
import type { AttackMeta, PluginOptions } from '../../plugin/contract.ts'
import { optionWithRole } from '../../plugin/option-roles.ts'
import type { ChosenAttack } from '../../plugin/wrapped-attack.ts'
import { transformRecord } from '../../threat/transforms/table.ts'
import type { TransformKind } from '../../threat/transforms/table.ts'
import type { SuiteThreatModel } from '../suite/suite-threat.ts'

/**
 * Refuses an attack under a threat model that it does not support.
 * @param where place of the attack, for messages
 * @throws ConfigError if it does not support the norm, the target, or the transform
 */
export function requireFit(
  { plugin, inner }: ChosenAttack,
  { norm, epsilon, transform, target, given }: SuiteThreatModel,
  where: string,
): void {
  if (target !== undefined) requireTargeted(plugin.meta, inner?.plugin.meta, target, where)
  for (const { id, norms } of [plugin.meta, ...(inner ? [inner.plugin.meta] : [])]) {
    if (norms.includes(norm)) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: attack "${id}" supports the norm ${norms.join(', ')}, ` +
        `but the suite has a threat model in ${norm}; remove one of them`,
    )
  }
  const problem = transformProblem(plugin.meta, transform?.kind, given ? 1 : epsilon)
  if (problem !== undefined) throw new ConfigError('ROBENCH_CONFIG', `${where}: ${problem}`)
}

/** @throws ConfigError if the attack, or the one that it wraps, cannot aim at a target */
function requireTargeted(
  meta: AttackMeta,
  inner: AttackMeta | undefined,
  target: NonNullable<SuiteThreatModel['target']>,
  where: string,
): void {
  for (const { id, goals } of [meta, ...(inner ? [inner] : [])]) {
    if (goals.includes('targeted')) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: attack "${id}" cannot aim at a class, but the suite has a threat model with the ` +
        `target ${shown(target)}; remove one of them`,
    )
  }
}

/**
 * Refuses options that have no effect, because the target of the threat model decides what attacks
 * aim at.
 * @param stated the options of the suite, without defaults
 * @throws ConfigError
 */
export function refuseOtherGoal(
  { plugin: { meta }, inner }: ChosenAttack,
  stated: PluginOptions,
  target: SuiteThreatModel['target'],
  where: string,
): void {
  const properties: object = meta.optionsSchema?.['properties'] ?? {}
  for (const [option, value] of Object.entries(stated)) {
    const schema: unknown = Reflect.get(properties, option)
    const differs =
      (schema === goalSchema && value !== 'targeted') ||
      (schema === targetSchema && value !== target)
    if (!differs) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}/${option}: ${shown(value)} has no effect, because every attack aims at the target ` +
        `of the threat model, ${shown(target)}; leave one of them out`,
    )
  }
  const wrapped = optionWithRole(meta, 'attack')
  if (!inner || wrapped === undefined) return
  const { options = {} } = stated[wrapped] as { options?: PluginOptions }
  refuseOtherGoal(inner, options, target, `${where}/${wrapped}/options`)
}

function transformProblem(
  { id, transforms, transformOptional }: AttackMeta,
  kind: TransformKind | undefined,
  epsilon: number,
): string | undefined {
  const uses = transforms?.some((known) => known === kind) === true
  if (uses) return undefined
  if (transforms && !transformOptional) {
    const actual = kind === undefined ? 'one without a transform' : `one with "${kind}"`
    const needed = transforms.map((known) => `"${known}"`).join(' or ')
    return (
      `attack "${id}" needs a threat model with the transform ${needed}, ` +
      `but the suite has ${actual}; remove one of them`
    )
  }
  if (kind !== undefined && !transformRecord(kind).adversarial) {
    return (
      `attack "${id}" does not corrupt images, but the suite has a threat model with the ` +
      `transform "${kind}"; remove one of them`
    )
  }
  if (epsilon > 0) return undefined
  return (
    `attack "${id}" does not use the transform "${kind}", and epsilon is 0 in this threat ` +
    'model, so the attack cannot change anything; set an epsilon'
  )
}
