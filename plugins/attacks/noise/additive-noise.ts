/** Additive noise: random points of the ball, as a baseline. */
import { defineAttack } from '../../../core/api/plugin.ts'
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
        'extreme: as far as the ball goes, in Linf random corners (x ± epsilon in each component), in L2 and L1 uniform on the sphere; uniform: anywhere in the ball',
    },
    repeats: {
      type: 'integer',
      minimum: 1,
      default: 10,
      description: 'draws an example while not fooled, one forward pass each',
    },
  },
} as const satisfies JSONSchema

/**
 * Random noise, which any attack should beat: one that does not is suspect, and so is a model that noise fools where gradients do not. In L2 the
 * noise has the direction of a Gaussian and the length ε.
 */
export const additiveNoise = defineAttack({
  meta: {
    id: 'additive-noise',
    apiVersion: 1,
    version: 1,
    title: 'Additive noise',
    provenance: 'own',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'black-box',
    goals: ['untargeted'],
    stochastic: true,
    optionsSchema,
  },
  run: async (context) => (await randomNoise(context, context.options)).adversarial,
  cost: (options) => randomNoiseCost(options),
})
