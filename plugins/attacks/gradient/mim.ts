/** MIM: iterative FGSM along an accumulated gradient. */
import { momentumOptions } from '../../../core/api/attack.ts'
import { defineAttack, parseEpsilon } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { projectedGradient, projectedGradientCost } from './projected-gradient.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: momentumOptions,
} as const satisfies JSONSchema

/**
 * The momentum iterative method (MI-FGSM). Each gradient is divided by its L1 norm before it is added (eq. 6); in L2
 * a step goes along the accumulated gradient over its L2 norm.
 * @see Dong, Liao, Pang, Su, Zhu, Hu, Li 2018, "Boosting adversarial attacks with momentum", arXiv:1710.06081, algorithm 1
 */
export const mim = defineAttack({
  meta: {
    id: 'mim',
    apiVersion: 1,
    version: 1,
    title: 'Momentum iterative method',
    source: papers.dong2017,
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
