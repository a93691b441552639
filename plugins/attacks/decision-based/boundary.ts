/** The boundary attack: a random walk on decisions alone. */
import { defineAttack } from '../../../core/api/plugin.ts'
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
      default: 25000,
      description:
        "forward passes of each example, all of which are made; the steps that the authors' code (Foolbox 3) makes",
    },
    sphericalStep: {
      type: 'number',
      exclusiveMinimum: 0,
      default: 0.01,
      description: 'first length of a step along the sphere around the example, over its radius',
    },
    sourceStep: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.01,
      description: 'first length of a step towards the example, over the radius',
    },
    stepAdaptation: {
      type: 'number',
      exclusiveMinimum: 1,
      default: 1.5,
      description:
        'what these lengths are multiplied with, or divided by, as steps succeed or fail',
    },
  },
} as const satisfies JSONSchema

/**
 * The boundary attack, untargeted. Of the model's answers it uses the predicted class only. It goes on until its queries are
 * spent and returns the nearest misclassified point, so one run serves every ε. `hop-skip-jump` comes nearer with fewer queries.
 * @see Brendel, Rauber, Bethge 2018, "Decision-based adversarial attacks: reliable attacks against black-box machine learning models", arXiv:1712.04248
 */
export const boundary = defineAttack({
  meta: {
    id: 'boundary',
    apiVersion: 1,
    version: 1,
    title: 'Boundary attack',
    source: papers.brendel2017,
    provenance: 'paper+code',
    norms: ['L2'],
    knowledge: 'black-box',
    goals: ['untargeted'],
    stochastic: true,
    minimumNorm: true,
    optionsSchema,
  },
  run: async (context) => (await boundaryWalk(context, context.options)).adversarial,
  cost: ({ queries }) => ({ forward: queries, backward: 0 }),
})
