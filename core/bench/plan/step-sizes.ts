/** Step sizes of attacks that cannot be meant, because they are longer than the ball is wide. */
import { ConfigError } from '../../base/errors.ts'
import { significant } from '../../base/figures.ts'
import { canonicalJson } from '../../base/hash.ts'
import type { AttackMeta } from '../../plugin/contract.ts'
import { optionWithRole } from '../../plugin/option-roles.ts'
import type { ChosenAttack } from '../../plugin/wrapped-attack.ts'
import { epsilonSchema, formatEpsilon, parseEpsilon } from '../../threat/epsilon.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import { ballRadius } from '../checks/ball-steps.ts'

/** A step size that the suite states. */
export interface StatedStep {
  /** Place in the suite, for messages. */
  readonly where: string
  /** In the units of the inputs. */
  readonly size: number
}

/** The form of options that are sizes in the units of the inputs. */
const sizeForm = canonicalJson(epsilonSchema.anyOf)

/** Whether the option `stepSize` of an attack is the length of a step in the units of the inputs. */
export function statesSteps({ optionsSchema, minimumNorm }: AttackMeta): boolean {
  if (minimumNorm) return false
  const properties: object = optionsSchema?.['properties'] ?? {}
  const schema: unknown = Reflect.get(properties, 'stepSize')
  const form: unknown =
    typeof schema === 'object' && schema !== null ? Reflect.get(schema, 'anyOf') : undefined
  return form !== undefined && canonicalJson(form) === sizeForm
}

/** The step sizes of an attack, and of the one that it wraps. @param where its place in the suite */
export function statedSteps({ plugin, options, inner }: ChosenAttack, where: string): StatedStep[] {
  const { meta } = plugin
  const place = `${where}/options/stepSize`
  const stated = statesSteps(meta) ? options['stepSize'] : undefined
  const wrapped = inner && `${where}/options/${optionWithRole(meta, 'attack')}`
  return [
    ...(stated === undefined ? [] : [{ where: place, size: parseEpsilon(stated, place) }]),
    ...(inner ? statedSteps(inner, wrapped!) : []),
  ]
}

/**
 * Refuses a step that is longer than the diameter of every ball of the suite. A step of the diameter
 * reaches the other side from anywhere, so a longer one is no other attack.
 * @throws ConfigError ROBENCH_CONFIG
 */
export function refuseLongSteps(
  steps: readonly StatedStep[],
  threatModels: readonly ThreatModel[],
): void {
  const balls = threatModels.filter(({ norm, epsilon }) => norm !== 'L0' && epsilon > 0)
  const [first] = balls.toSorted((a, b) => ballRadius(b) - ballRadius(a))
  if (!first) return
  const radius = ballRadius(first)
  for (const { where, size } of steps) {
    if (size <= 2 * radius * (1 + 1e-9)) continue
    const isScaled = first.norm === 'Linf' && !first.given && size >= 1 && size / 255 <= 2 * radius
    const hint = isScaled ? `; did you mean "${formatEpsilon(size)}/255"?` : ''
    const what =
      first.given === 'box'
        ? '2 (steps are relative to half a side of the box)'
        : `${significant(2 * radius)} (ε is ${formatEpsilon(radius)})`
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: ${formatEpsilon(size)} is above the diameter of the ball, ${what}${hint}`,
    )
  }
}
