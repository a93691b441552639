/** PGD: projected gradient ascent from random starts. */
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
    steps: { type: 'integer', minimum: 1, default: 20, description: 'gradient steps a restart' },
    stepSize: {
      ...gradientOptions.stepSize,
      description: 'a positive number or a fraction such as "2/255"; epsilon / 4 if left out',
    },
    randomStart: {
      type: 'boolean',
      default: true,
      description: 'start each restart at a uniform draw from the ball instead of at the input',
    },
  },
} as const satisfies JSONSchema

/**
 * Projected gradient descent (on the negative loss). The default step of ε / 4 is the usual 2/255 at 8/255.
 * Differs from the paper: the strongest iterate is kept, not the last one.
 * @see Madry, Makelov, Schmidt, Tsipras, Vladu 2018, "Towards deep learning models resistant to adversarial attacks", arXiv:1706.06083, section 2
 */
export const pgd = defineAttack({
  meta: {
    id: 'pgd',
    apiVersion: 1,
    version: 1,
    title: 'Projected gradient descent',
    source: papers.madry2017,
    provenance: 'paper',
    norms: ['Linf', 'L2'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  run(context) {
    const { options, threatModel } = context
    const stepSize = options.stepSize ?? threatModel.epsilon / 4
    return projectedGradient(context, { ...options, stepSize: parseEpsilon(stepSize, 'stepSize') })
  },
  cost: (options) => projectedGradientCost(options),
})
