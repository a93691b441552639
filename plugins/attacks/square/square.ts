/** Square: random search with square windows, from logits only. */
import { budgetOptions } from '../../../core/api/attack.ts'
import { defineAttack, towardTargets, optionLimits } from '../../../core/api/plugin.ts'
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
      maximum: optionLimits.queries,
      default: 5000,
      description: 'forward passes per restart, for an example that is never fooled',
    },
    restarts: budgetOptions.restarts,
    initialFraction: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.8,
      description: 'fraction of the image that the first squares cover, above 0 and at most 1',
    },
    rescaleSchedule: {
      type: 'boolean',
      default: false,
      description:
        'rescale the schedule of square sizes from 10,000 queries to `queries`; AutoAttack does ' +
        'not',
    },
  },
} as const satisfies JSONSchema

/**
 * The Square attack on the margin. It uses no gradients, so it also detects gradient masking. In
 * Linf a proposal changes one square only, so the first layers of a network need to be computed
 * only where the square affects them.
 * @see Andriushchenko et al. 2019
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
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  run: (context) =>
    towardTargets(context, async (task) => (await squareSearch(task, context.options)).adversarial),
  cost: (options) => squareSearchCost(options),
})
