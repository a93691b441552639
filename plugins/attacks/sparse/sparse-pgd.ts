/** Sparse PGD: changes few pixels without a limit on their values. */
import { gradientOptions } from '../../../core/api/attack.ts'
import { defineAttack, towardTargets, optionLimits } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { papers } from '../../papers.ts'
import { sparseAscent, sparseAscentCost } from './sparse-ascent.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    steps: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.steps,
      default: 300,
      description: 'gradient steps per restart',
    },
    restarts: {
      ...gradientOptions.restarts,
      description: 'maximum number of starts until the model is fooled',
    },
    loss: { ...gradientOptions.loss, default: 'margin' },
    stepSize: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: optionLimits.factor,
      default: 0.25,
      description: 'change of each pixel value per step, as a fraction of the range of the bounds',
    },
    maskStep: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: optionLimits.factor,
      default: 0.25,
      description:
        'Euclidean length of a step of the mask that chooses the pixels, divided by the square ' +
        'root of the number of pixels',
    },
    valueGradient: {
      enum: ['unprojected', 'projected'],
      default: 'unprojected',
      description:
        'unprojected: every step moves the values of all pixels, chosen or not; projected: only ' +
        'those of the chosen pixels',
    },
    patience: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.rounds,
      default: 3,
      description: 'steps with the same chosen pixels after which the mask is drawn again',
    },
  },
} as const satisfies JSONSchema

/**
 * Sparse PGD in L0, where ε is a number of pixels. The paper takes 10,000 steps and runs both kinds
 * of `valueGradient`.
 * @see Zhong, Huang, Liu 2024, "Towards efficient training and evaluation of robust models against
 * l0 bounded adversarial perturbations", arXiv:2405.05075, algorithm 1
 */
export const sparsePgd = defineAttack({
  meta: {
    id: 'sparse-pgd',
    apiVersion: 1,
    version: 1,
    title: 'Sparse projected gradient descent',
    source: papers.zhong2024,
    provenance: 'paper+code',
    norms: ['L0'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  run: (context) =>
    towardTargets(context, async (task) => (await sparseAscent(task, context.options)).adversarial),
  cost: (options) => sparseAscentCost(options),
})
