/** PGD: projected gradient ascent from random starts. */
import { gradientOptions } from '../../../core/api/attack.ts'
import { defineAttack, optionLimits } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import { gradientAttack, gradientAttackMeta } from './gradient-attack.ts'
import { stepScheduleSchema } from './step-schedule.ts'
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
      default: 20,
      description: 'gradient steps per restart',
    },
    stepSize: {
      ...gradientOptions.stepSize,
      description: 'a positive number or a fraction such as "2/255"; epsilon / 4 by default',
    },
    randomStart: {
      type: 'boolean',
      default: true,
      description: 'start each restart at a uniform draw from the ball instead of at the input',
    },
    centerStart: {
      type: 'boolean',
      default: false,
      description: 'start at the input first, and at random only in further restarts',
    },
    stepSchedule: stepScheduleSchema,
    targets: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.classes,
      description:
        'with goal "multi-targeted": number of likeliest wrong classes to target, besides an ' +
        'untargeted start; `restarts` then counts starts per target. Without it, each restart ' +
        'takes the next class',
    },
  },
} as const satisfies JSONSchema

/**
 * Projected gradient descent (on the negative loss). The default step size of ε / 4 is the usual
 * 2/255 at 8/255. Differs from the paper: it returns the best iterate, not the last one.
 * @see Madry et al. 2017, section 2
 */
export const pgd = defineAttack({
  meta: {
    ...gradientAttackMeta,
    id: 'pgd',
    title: 'Projected gradient descent',
    source: papers.madry2017,
    optionsSchema,
  },
  ...gradientAttack<FromSchema<typeof optionsSchema>>({
    defaultStepSize: (epsilon) => epsilon / 4,
  }),
})
