/** What an attack that wraps another one needs: the schema of its option, and the attack. */
import type { JSONSchema } from 'json-schema-to-ts'
import { PluginError } from '../base/errors.ts'
import type { AttackContext, WrappedAttack } from './contract.ts'

/** For the property `attack` of a wrapper's `optionsSchema`; the host checks the inner options against the inner attack's own schema. */
export const wrappedAttackSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  properties: {
    id: { type: 'string', description: 'an attack plugin' },
    options: { type: 'object', default: {}, description: 'its options' },
  },
  default: { id: 'pgd', options: {} },
  description: 'the attack to run, {"id": …, "options": {…}}',
} as const satisfies JSONSchema

/** The attack that the option `attack` names. @throws PluginError if the host was not told, by `meta.wraps`, to find it */
export function innerAttack({ inner }: Pick<AttackContext, 'inner'>): WrappedAttack {
  if (inner) return inner
  throw new PluginError(
    'ROBENCH_PLUGIN_CONTRACT',
    'there is no attack to wrap: set meta.wraps to true, and give the option "attack"',
  )
}
