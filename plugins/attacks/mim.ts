/** MIM: iterative FGSM along an accumulated gradient. */
import {
  apiVersion,
  defineAttack,
  gradientOptions,
  parseEpsilon,
  projectedGradient,
  projectedGradientCost,
} from '../../core/index.ts'
import type { JSONSchema } from '../../core/index.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...gradientOptions,
    steps: { type: 'integer', minimum: 1, default: 10, description: 'gradient steps a restart' },
    stepSize: {
      ...gradientOptions.stepSize,
      description: 'a positive number or a fraction such as "2/255"; epsilon / steps if left out',
    },
    momentum: {
      type: 'number',
      minimum: 0,
      default: 1,
      description: 'decay factor of the accumulated gradient; 0 keeps none',
    },
    randomStart: {
      type: 'boolean',
      default: false,
      description: 'start each restart at a uniform draw from the ball instead of at the input',
    },
  },
} as const satisfies JSONSchema

/**
 * The momentum iterative method (MI-FGSM). Each gradient is divided by its L1 norm before it is added (eq. 6); in L2
 * a step goes along the accumulated gradient over its L2 norm.
 * @see Dong, Liao, Pang, Su, Zhu, Hu, Li 2018, "Boosting adversarial attacks with momentum", arXiv:1710.06081, algorithm 1
 */
export const mim = defineAttack({
  meta: {
    id: 'mim',
    apiVersion,
    version: 1,
    title: 'Momentum iterative method',
    source: {
      authors: 'Dong, Liao, Pang, Su, Zhu, Hu, Li',
      year: 2017,
      title: 'Boosting adversarial attacks with momentum',
      url: 'https://arxiv.org/abs/1710.06081',
    },
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
