/** Square: random search with square patches, from logits alone. */
import { budgetOptions } from '../../../core/api/attack.ts'
import { defineAttack } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { squareSearch, squareSearchCost } from './square-search.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    queries: {
      type: 'integer',
      minimum: 1,
      default: 5000,
      description: 'forward passes a restart, for an example that is never fooled',
    },
    restarts: budgetOptions.restarts,
    initialFraction: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.8,
      description: 'the fraction of the image that the first patches cover',
    },
    rescaleSchedule: {
      type: 'boolean',
      default: false,
      description:
        'squeeze the schedule of patch sizes, made for 10,000 queries, into the queries given; AutoAttack does not',
    },
  },
} as const satisfies JSONSchema

/**
 * The Square attack on the margin. Needs no gradient, so it also tells whether a model only hides them. In Linf a proposal changes one square, so
 * that the first layers of a network are computed for no more than what the square reaches (`windowQueries`).
 * @see Andriushchenko, Croce, Flammarion, Hein 2020, "Square attack: a query-efficient black-box adversarial attack via random search", arXiv:1912.00049
 */
export const square = defineAttack({
  meta: {
    id: 'square',
    apiVersion: 1,
    version: 2,
    title: 'Square attack',
    source: papers.andriushchenko2019,
    provenance: 'paper+code',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'black-box',
    goals: ['untargeted'],
    stochastic: true,
    optionsSchema,
  },
  run: async (context) => (await squareSearch(context, context.options)).adversarial,
  cost: (options) => squareSearchCost(options),
})
