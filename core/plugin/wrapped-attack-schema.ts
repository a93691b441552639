/** For attacks that wrap another one: the schema of the option, and access to the attack. */
import type { JSONSchema } from 'json-schema-to-ts'
import { optionLimits } from '../base/option-limits.ts'
import { PluginError } from '../base/errors.ts'
import type { AttackContext, WrappedAttack } from './contract.ts'

/**
 * Schema of an option with the role `attack`. The host checks the inner options against the inner
 * attack's own schema.
 */
export const wrappedAttackSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  properties: {
    id: { type: 'string', maxLength: optionLimits.name, description: 'an attack plugin' },
    options: { type: 'object', default: {}, description: 'its options' },
  },
  default: { id: 'pgd', options: {} },
  description: 'the attack to run, {"id": …, "options": {…}}',
} as const satisfies JSONSchema

/** The attack to wrap. @throws PluginError if no option has the role `attack` */
export function innerAttack({ inner }: Pick<AttackContext, 'inner'>): WrappedAttack {
  if (inner) return inner
  throw new PluginError(
    'ROBENCH_PLUGIN_CONTRACT',
    'there is no attack to wrap: declare the role "attack" of an option in meta.optionRoles',
  )
}
