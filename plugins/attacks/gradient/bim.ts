/** BIM: FGSM in several small steps, each projected. */
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
    steps: { type: 'integer', minimum: 1, default: 10, description: 'gradient steps' },
    stepSize: {
      ...gradientOptions.stepSize,
      description: 'a positive number or a fraction such as "2/255"; epsilon / steps if left out',
    },
    randomStart: {
      type: 'boolean',
      default: false,
      description: 'start at a uniform draw from the ball, which makes it pgd',
    },
  },
} as const satisfies JSONSchema

/**
 * The basic iterative method, or iterative FGSM. Differs from the paper: it steps by one grey level and takes
 * min(ε + 4, 1.25 ε) steps, ε in grey levels; here the steps are an option, and together just reach ε by default.
 * @see Kurakin, Goodfellow, Bengio 2017, "Adversarial examples in the physical world", arXiv:1607.02533, section 2.2
 */
export const bim = defineAttack({
  meta: {
    id: 'bim',
    apiVersion: 1,
    version: 1,
    title: 'Basic iterative method',
    source: papers.kurakin2016,
    provenance: 'paper',
    norms: ['Linf', 'L2'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  run(context) {
    const { options, threatModel } = context
    const stepSize = options.stepSize ?? threatModel.epsilon / options.steps
    return projectedGradient(context, { ...options, stepSize: parseEpsilon(stepSize, 'stepSize') })
  },
  cost: (options) => projectedGradientCost(options),
})
