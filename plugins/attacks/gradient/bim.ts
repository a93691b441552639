/** BIM: FGSM in several small steps, each projected. */
import { gradientOptions } from '../../../core/api/attack.ts'
import { defineAttack, optionLimits } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import { epsilonOverSteps, gradientAttack, gradientAttackMeta } from './gradient-attack.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...gradientOptions,
    steps: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.steps,
      default: 10,
      description: 'gradient steps',
    },
    stepSize: {
      ...gradientOptions.stepSize,
      description: 'a positive number or a fraction such as "2/255"; epsilon / steps by default',
    },
    randomStart: {
      type: 'boolean',
      default: false,
      description: 'start at a uniform draw from the ball, as pgd does',
    },
  },
} as const satisfies JSONSchema

/**
 * The basic iterative method, or iterative FGSM. Differs from the paper, which steps by one gray
 * level and takes min(ε + 4, 1.25 ε) steps, ε in gray levels: here both are options, and by default
 * the steps together just reach ε.
 * @see Kurakin et al. 2016, section 2.2
 */
export const bim = defineAttack({
  meta: {
    ...gradientAttackMeta,
    id: 'bim',
    title: 'Basic iterative method',
    source: papers.kurakin2016,
    optionsSchema,
  },
  ...gradientAttack<FromSchema<typeof optionsSchema>>({ defaultStepSize: epsilonOverSteps }),
})
