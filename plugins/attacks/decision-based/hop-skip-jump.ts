/** HopSkipJump: the nearest misclassified point, found with the predicted class only. */
import { defineAttack, towardTargets, optionLimits } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { hopSkipJumpSearch } from './hop-skip-jump-search.ts'
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
      description:
        'forward passes per example, all of which are used; the paper reports distances at ' +
        '1,000, 5,000, and 20,000',
    },
    initialSamples: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.samples,
      default: 100,
      description:
        "queries of the first estimate of the boundary's normal; later estimates take this " +
        'number times the square root of the iteration, as in the paper',
    },
  },
} as const satisfies JSONSchema

/**
 * Untargeted HopSkipJump. It uses the predicted class only, spends all its queries even after it
 * finds a misclassified point within ε, and returns the nearest one, so one run serves every ε.
 * @see Chen et al. 2019
 */
export const hopSkipJump = defineAttack({
  meta: {
    id: 'hop-skip-jump',
    apiVersion: 1,
    version: 1,
    title: 'HopSkipJump',
    source: papers.chen2019,
    provenance: 'paper+code',
    norms: ['Linf', 'L2'],
    knowledge: 'black-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    minimumNorm: true,
    optionsSchema,
  },
  run: (context) =>
    towardTargets(
      context,
      async (task) => (await hopSkipJumpSearch(task, context.options)).adversarial,
    ),
  cost: ({ queries }) => ({ forward: queries, backward: 0 }),
})
