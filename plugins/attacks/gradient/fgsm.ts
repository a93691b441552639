/** FGSM: one step along the sign of the gradient. */
import { gradientOptions } from '../../../core/api/attack.ts'
import { defineAttack } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import { gradientAttack, gradientAttackMeta } from './gradient-attack.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...gradientOptions,
    stepSize: {
      ...gradientOptions.stepSize,
      description: 'a positive number or a fraction such as "8/255"; epsilon by default',
    },
    randomStart: {
      type: 'boolean',
      default: false,
      description: 'start at a uniform draw from the ball (Wong et al. 2020, arXiv:2001.03994)',
    },
  },
} as const satisfies JSONSchema

/**
 * The fast gradient sign method; in L2, one step along the normalized gradient. Costs two forward
 * passes and one backward pass per example: the step, and the evaluation of its result.
 * @see Goodfellow et al. 2014, section 4
 */
export const fgsm = defineAttack({
  meta: {
    ...gradientAttackMeta,
    id: 'fgsm',
    title: 'Fast gradient sign method',
    source: papers.goodfellow2014,
    optionsSchema,
  },
  ...gradientAttack<FromSchema<typeof optionsSchema>>({ defaultStepSize: (epsilon) => epsilon }),
})
