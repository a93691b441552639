/** APGD-CE: PGD on cross-entropy with adaptive step sizes. */
import { budgetOptions } from '../../../core/api/attack.ts'
import { defineAttack } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import { apgdAttack, apgdAttackMeta } from './apgd-attack.ts'

const { steps, restarts, samples } = budgetOptions
const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { steps, restarts, samples },
} as const satisfies JSONSchema

/**
 * Projected gradient ascent on cross-entropy with adaptive step sizes. The gradient of
 * cross-entropy vanishes for logits of a very large or small scale: see `apgd-dlr`.
 * @see Croce and Hein 2020, algorithm 1
 */
export const apgdCe = defineAttack({
  meta: {
    ...apgdAttackMeta,
    id: 'apgd-ce',
    title: 'Auto-PGD on cross-entropy',
    optionsSchema,
  },
  ...apgdAttack<FromSchema<typeof optionsSchema>>('cross-entropy'),
})
