/** TI-FGSM: momentum on smoothed gradients. */
import { transferableOptions } from '../../../core/api/attack.ts'
import { defineAttack, parseEpsilon } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { gaussianKernel, smoothGradient } from './gradient-smoothing.ts'
import { projectedGradient, projectedGradientCost } from './projected-gradient.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...transferableOptions,
    kernelRadius: {
      type: 'integer',
      minimum: 0,
      default: 2,
      description: 'the kernel has 2 · radius + 1 rows and columns; 0 makes it mim',
    },
    sigma: {
      type: 'number',
      exclusiveMinimum: 0,
      description: 'standard deviation of the kernel in pixels; kernelRadius / 3 if left out',
    },
  },
} as const satisfies JSONSchema

/**
 * The translation-invariant attack with momentum (TI-MI-FGSM), made to transfer to other models. Against the model it is run on pgd is
 * stronger; in `transfer` give it `stopWhenFooled: false`. The paper's kernel has 15 × 15 weights for images of 299 pixels, cut off at three standard
 * deviations; the default of 5 × 5, cut off there too, is meant for images of about 32 pixels.
 * @see Dong, Pang, Su, Zhu 2019, "Evading defenses to transferable adversarial examples by translation-invariant attacks", arXiv:1904.02884, section 3.2
 */
export const tiFgsm = defineAttack({
  meta: {
    id: 'ti-fgsm',
    apiVersion: 1,
    version: 1,
    title: 'Translation-invariant iterative fast gradient sign method',
    source: papers.dong2019,
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
    const { kernelRadius, sigma = kernelRadius / 3 } = options
    const kernel = gaussianKernel(kernelRadius, sigma)
    return projectedGradient(context, {
      ...options,
      stepSize: parseEpsilon(stepSize, 'stepSize'),
      smooth: (gradient) => smoothGradient(model.inputShape, kernel, gradient),
    })
  },
  cost: (options) => projectedGradientCost(options),
})
