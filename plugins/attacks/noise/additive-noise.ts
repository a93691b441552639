/** Additive noise: random points of the ball as a baseline. */
import { defineAttack, towardTargets, optionLimits } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { randomNoise, randomNoiseCost } from './random-noise.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    distribution: {
      enum: ['extreme', 'uniform'],
      default: 'extreme',
      description:
        'extreme: on the surface of the ball, in Linf at random corners (x ± epsilon in each ' +
        'component), in L2 and L1 uniform on the sphere, in L0 random pixels with components at ' +
        'random bounds; uniform: anywhere in the ball',
    },
    repeats: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.rounds,
      default: 10,
      description: 'maximum number of draws until the model is fooled, one forward pass each',
    },
  },
} as const satisfies JSONSchema

/**
 * Random noise, which every attack should outperform: an attack that does not is suspect, and so is
 * a model that noise fools and gradients do not. In L2, the noise has a Gaussian direction and
 * length ε.
 */
export const additiveNoise = defineAttack({
  meta: {
    id: 'additive-noise',
    apiVersion: 1,
    version: 1,
    title: 'Additive noise',
    provenance: 'own',
    norms: ['Linf', 'L2', 'L1', 'L0'],
    knowledge: 'black-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  run: (context) =>
    towardTargets(context, async (task) => (await randomNoise(task, context.options)).adversarial),
  cost: (options) => randomNoiseCost(options),
})
