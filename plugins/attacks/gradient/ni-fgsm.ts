/** NI-FGSM: momentum with Nesterov's look-ahead, on scaled copies of the image if wanted. */
import { transferableOptions } from '../../../core/api/attack.ts'
import { defineAttack, parseEpsilon } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema, Norm } from '../../../core/api/plugin.ts'
import type { GradientPoints } from './gradient-points.ts'
import { lookAhead } from './look-ahead.ts'
import { projectedGradient, projectedGradientCost } from './projected-gradient.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...transferableOptions,
    scaleCopies: {
      type: 'integer',
      minimum: 1,
      maximum: 16,
      default: 1,
      description:
        'm: each gradient is the mean over the image scaled by 1, 1/2, … 1/2^(m − 1); 5 makes it SI-NI-FGSM, at m gradient passes a step',
    },
  },
} as const satisfies JSONSchema

type Options = FromSchema<typeof optionsSchema>

/**
 * The Nesterov iterative fast gradient sign method, and with `scaleCopies` the scale-invariant SI-NI-FGSM: mim with the gradient taken where the
 * momentum leads to, made to transfer to other models. Against the model it is run on pgd is stronger; in `transfer` give it
 * `stopWhenFooled: false`. What is not as printed in the paper: see `lookAhead`. Without momentum and copies it is bim.
 * @see Lin, Song, He, Wang, Hopcroft 2020, "Nesterov accelerated gradient and scale invariance for adversarial attacks", arXiv:1908.06281, algorithm 1
 */
export const niFgsm = defineAttack({
  meta: {
    id: 'ni-fgsm',
    apiVersion: 1,
    version: 1,
    title: 'Nesterov iterative fast gradient sign method',
    source: papers.lin2019,
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
    return projectedGradient(context, {
      ...options,
      stepSize: parseEpsilon(stepSize, 'stepSize'),
      ...probesOf(options, threatModel.norm),
    })
  },
  cost: (options, _, norm = 'Linf') =>
    projectedGradientCost({ ...options, ...probesOf(options, norm) }),
})

/** None where each gradient is the iterate's own. */
function probesOf(
  { momentum, scaleCopies }: Options,
  norm: Norm,
): { readonly probes?: GradientPoints } {
  if (momentum === 0 && scaleCopies === 1) return {}
  return { probes: lookAhead({ norm, momentum, scaleCopies }) }
}
