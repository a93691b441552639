/** HopSkipJump: the nearest misclassified point, from decisions alone. */
import { defineAttack } from '../../../core/api/plugin.ts'
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
      default: 5000,
      description:
        'forward passes of each example, all of which are made; the paper reports distances at 1,000, 5,000 and 20,000',
    },
    initialSamples: {
      type: 'integer',
      minimum: 1,
      default: 100,
      description:
        "samples of the first estimate of the boundary's normal, which grow with the root of the iteration; the paper's",
    },
  },
} as const satisfies JSONSchema

/**
 * HopSkipJump, untargeted. Of the model's answers it uses the predicted class only. It goes on until its queries are spent, also where
 * a misclassified point within ε was found long before: what it returns is the nearest, so one run serves every ε.
 * @see Chen, Jordan, Wainwright 2020, "HopSkipJumpAttack: a query-efficient decision-based attack", arXiv:1904.02144
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
    goals: ['untargeted'],
    stochastic: true,
    minimumNorm: true,
    optionsSchema,
  },
  run: async (context) => (await hopSkipJumpSearch(context, context.options)).adversarial,
  cost: ({ queries }) => ({ forward: queries, backward: 0 }),
})
