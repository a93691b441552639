/** TI-FGSM: momentum on smoothed gradients. */
import { defineAttack, optionLimits } from '../../../core/api/plugin.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import {
  epsilonOverSteps,
  gradientAttack,
  gradientAttackMeta,
  transferableOptions,
} from './gradient-attack.ts'
import { gaussianKernel, smoothGradient } from './gradient-smoothing.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...transferableOptions,
    kernelRadius: {
      type: 'integer',
      minimum: 0,
      maximum: optionLimits.margin,
      default: 2,
      description: 'the kernel has 2 · radius + 1 rows and columns; 0 gives mim',
    },
    sigma: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: optionLimits.factor,
      description: 'standard deviation of the kernel in pixels; kernelRadius / 3 by default',
    },
  },
} as const satisfies JSONSchema

/**
 * The translation-invariant attack with momentum (TI-MI-FGSM), for points that transfer to other
 * models. Against the attacked model itself, pgd is stronger; in `transfer`, set
 * `stopWhenFooled: false`. The paper's kernel has 15 × 15 weights for images of 299 pixels, cut off
 * at three standard deviations; the default of 5 × 5, cut off there too, is for images of about 32
 * pixels.
 * @see Dong et al. 2019, section 3.2
 */
export const tiFgsm = defineAttack({
  meta: {
    ...gradientAttackMeta,
    id: 'ti-fgsm',
    title: 'Translation-invariant iterative fast gradient sign method',
    source: papers.dong2019,
    optionsSchema,
  },
  ...gradientAttack<FromSchema<typeof optionsSchema>>({
    defaultStepSize: epsilonOverSteps,
    settings({ kernelRadius, sigma = kernelRadius / 3 }, _, shape) {
      const kernel = gaussianKernel(kernelRadius, sigma)
      return { smooth: (gradient) => smoothGradient(shape, kernel, gradient) }
    },
  }),
})
