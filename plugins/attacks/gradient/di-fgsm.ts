/** DI-FGSM: momentum on gradients of randomly shrunk and padded images. */
import { defineAttack } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import {
  epsilonOverSteps,
  gradientAttack,
  gradientAttackMeta,
  transferableOptions,
} from './gradient-attack.ts'
import { inputDiversity } from './input-diversity.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...transferableOptions,
    probability: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.5,
      description: 'probability of transforming the image of a step; 0 gives mim',
    },
    resizeRate: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.9,
      description: 'minimum height after shrinking, as a fraction of the image',
    },
  },
} as const satisfies JSONSchema

/**
 * Diverse inputs with momentum (the paper's M-DI²-FGSM; DI²-FGSM with `momentum: 0`), for points
 * that transfer to other models. Against the attacked model itself, pgd is stronger; in `transfer`,
 * set `stopWhenFooled: false`. For differences from the paper, see `inputDiversity`; also, each
 * iterate itself is judged, at one more forward pass per step.
 * @see Xie et al. 2018, section 3.2
 */
export const diFgsm = defineAttack({
  meta: {
    ...gradientAttackMeta,
    id: 'di-fgsm',
    title: 'Diverse inputs iterative fast gradient sign method',
    source: papers.xie2018,
    optionsSchema,
  },
  ...gradientAttack<FromSchema<typeof optionsSchema>>({
    defaultStepSize: epsilonOverSteps,
    settings({ probability, resizeRate }, _, shape) {
      if (probability === 0) return {}
      return { gradientPoints: inputDiversity({ shape, probability, resizeRate }) }
    },
  }),
})
