/** MIM: iterative FGSM along an accumulated gradient. */
import { defineAttack } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import {
  epsilonOverSteps,
  gradientAttack,
  gradientAttackMeta,
  momentumOptions,
} from './gradient-attack.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: momentumOptions,
} as const satisfies JSONSchema

/**
 * The momentum iterative method (MI-FGSM). Each gradient is divided by its L1 norm before it is
 * added (eq. 6); in L2, a step follows the accumulated gradient divided by its L2 norm.
 * @see Dong et al. 2017, algorithm 1
 */
export const mim = defineAttack({
  meta: {
    ...gradientAttackMeta,
    id: 'mim',
    title: 'Momentum iterative method',
    source: papers.dong2017,
    optionsSchema,
  },
  ...gradientAttack<FromSchema<typeof optionsSchema>>({ defaultStepSize: epsilonOverSteps }),
})
