/** APGD-T: APGD toward the likeliest wrong classes, one after the other. */
import { budgetOptions } from '../../../core/api/attack.ts'
import { defineAttack } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import { apgdAttack, apgdAttackMeta } from './apgd-attack.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: budgetOptions,
} as const satisfies JSONSchema

/**
 * APGD on the targeted difference of logits ratio; with fewer than four classes on z_t − z_y. It
 * stops at any misclassified point, whatever the target. One forward pass per example ranks the
 * targets.
 * @see Croce and Hein 2020, section 4.2
 */
export const apgdT = defineAttack({
  meta: {
    ...apgdAttackMeta,
    id: 'apgd-t',
    title: 'Targeted Auto-PGD on the difference of logits ratio',
    optionsSchema,
  },
  ...apgdAttack<FromSchema<typeof optionsSchema>>('dlr-targeted'),
})
