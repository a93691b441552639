/** FGSM: one step along the sign of the gradient. */
import { gradientOptions } from '../../../core/api/attack.ts'
import { defineAttack, parseEpsilon } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { projectedGradient, projectedGradientCost } from './projected-gradient.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...gradientOptions,
    stepSize: {
      ...gradientOptions.stepSize,
      description: 'a positive number or a fraction such as "8/255"; epsilon if left out',
    },
    randomStart: {
      type: 'boolean',
      default: false,
      description: 'start at a uniform draw from the ball (Wong et al. 2020, arXiv:2001.03994)',
    },
  },
} as const satisfies JSONSchema

/**
 * The fast gradient sign method; in L2 one step along the normalized gradient. Costs two forward passes and
 * one backward pass an example: the step, and the judgement of where it led.
 * @see Goodfellow, Shlens, Szegedy 2015, "Explaining and harnessing adversarial examples", arXiv:1412.6572, section 4
 */
export const fgsm = defineAttack({
  meta: {
    id: 'fgsm',
    apiVersion: 1,
    version: 1,
    title: 'Fast gradient sign method',
    source: papers.goodfellow2014,
    provenance: 'paper',
    norms: ['Linf', 'L2'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  run(context) {
    const { options, threatModel } = context
    return projectedGradient(context, {
      ...options,
      steps: 1,
      stepSize: parseEpsilon(options.stepSize ?? threatModel.epsilon, 'stepSize'),
    })
  },
  cost: (options) => projectedGradientCost({ ...options, steps: 1 }),
})
