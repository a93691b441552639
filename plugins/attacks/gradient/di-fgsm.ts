/** DI-FGSM: momentum on gradients of randomly shrunk and padded images. */
import { transferableOptions } from '../../../core/api/attack.ts'
import { defineAttack, parseEpsilon } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import type { GradientPoints } from './gradient-points.ts'
import { inputDiversity } from './input-diversity.ts'
import type { ImageShape } from './input-diversity.ts'
import { projectedGradient, projectedGradientCost } from './projected-gradient.ts'
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
      description: 'how often the image of a step is transformed; 0 makes it mim',
    },
    resizeRate: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.9,
      description: 'the least height to shrink to, as a fraction of the image',
    },
  },
} as const satisfies JSONSchema

type Options = FromSchema<typeof optionsSchema>

/**
 * Diverse inputs with momentum (the paper's M-DI²-FGSM; DI²-FGSM with `momentum: 0`), made to transfer to other models. Against the model it is run
 * on pgd is stronger; in `transfer` give it `stopWhenFooled: false`. What differs from the paper: see `inputDiversity`; and
 * each iterate itself is judged, at a forward pass more a step.
 * @see Xie, Zhang, Zhou, Bai, Wang, Ren, Yuille 2019, "Improving transferability of adversarial examples with input diversity", arXiv:1803.06978, section 3.2
 */
export const diFgsm = defineAttack({
  meta: {
    id: 'di-fgsm',
    apiVersion: 1,
    version: 1,
    title: 'Diverse inputs iterative fast gradient sign method',
    source: papers.xie2018,
    provenance: 'paper',
    norms: ['Linf', 'L2'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  run(context) {
    const { options, threatModel, model } = context
    const stepSize = options.stepSize ?? threatModel.epsilon / options.steps
    return projectedGradient(context, {
      ...options,
      stepSize: parseEpsilon(stepSize, 'stepSize'),
      ...probesOf(options, model.inputShape),
    })
  },
  cost: (options) => projectedGradientCost({ ...options, ...probesOf(options, [1, 1, 1]) }),
})

/** None where no image is transformed. */
function probesOf(
  { probability, resizeRate }: Options,
  shape: ImageShape,
): { readonly probes?: GradientPoints } {
  if (probability === 0) return {}
  return { probes: inputDiversity({ shape, probability, resizeRate }) }
}
