/** The boundary attack: a random walk that uses the predicted class only. */
import { defineAttack, towardTargets, optionLimits } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { boundaryWalk } from './boundary-walk.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    queries: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.queries,
      default: 25000,
      description:
        'forward passes per example, all of which are used; the default is the number of steps ' +
        "in the authors' code (Foolbox 3)",
    },
    sphericalStep: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: optionLimits.factor,
      default: 0.01,
      description:
        'initial length of a step along the sphere around the example, as a fraction of its radius',
    },
    sourceStep: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.01,
      description:
        'initial length of a step toward the example, as a fraction of the radius; at most 1',
    },
    stepAdaptation: {
      type: 'number',
      exclusiveMinimum: 1,
      maximum: optionLimits.factor,
      default: 1.5,
      description:
        'factor above 1 that lengthens these steps as they succeed and shortens them as they fail',
    },
  },
} as const satisfies JSONSchema

/**
 * The untargeted boundary attack. It uses the predicted class only, spends all its queries, and
 * returns the nearest misclassified point, so one run serves every ε. `hop-skip-jump` gets nearer
 * with fewer queries.
 * @see Brendel et al. 2017
 */
export const boundary = defineAttack({
  meta: {
    id: 'boundary',
    apiVersion: 1,
    version: 2,
    title: 'Boundary attack',
    source: papers.brendel2017,
    provenance: 'paper+code',
    norms: ['L2'],
    knowledge: 'black-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    minimumNorm: true,
    optionsSchema,
  },
  run: (context) =>
    towardTargets(context, async (task) => (await boundaryWalk(task, context.options)).adversarial),
  cost: ({ queries }) => ({ forward: queries, backward: 0 }),
})
