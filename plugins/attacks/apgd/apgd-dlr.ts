/** APGD-DLR: PGD on the difference of logits ratio with adaptive step sizes. */
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
 * APGD on the difference of logits ratio, which is invariant to the scale of the logits; with two
 * classes, on the margin.
 * @see Croce and Hein 2020, algorithm 1
 */
export const apgdDlr = defineAttack({
  meta: {
    ...apgdAttackMeta,
    id: 'apgd-dlr',
    title: 'Auto-PGD on the difference of logits ratio',
    optionsSchema,
  },
  ...apgdAttack<FromSchema<typeof optionsSchema>>('dlr'),
})
