/** FAB-T: FAB toward the likeliest wrong classes, one after the other. */
import { budgetOptions } from '../../../core/api/attack.ts'
import { defineAttack, towardTargets } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { fastAdaptiveBoundary, fastAdaptiveBoundaryCost } from './fast-adaptive-boundary.ts'
import { papers } from '../../papers.ts'

const { steps, restarts, targets } = budgetOptions
const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { steps, restarts, targets },
} as const satisfies JSONSchema

/**
 * The fast adaptive boundary attack, targeted: each step linearizes one decision, regardless of the
 * number of classes. It stops at any misclassified point within the ball. One forward pass per
 * example ranks the targets; each run ends with one that evaluates the point of the ball where its
 * last linearization is largest.
 * @see Croce and Hein 2020, appendix; Croce and Hein 2019, algorithm 1
 */
export const fabT = defineAttack({
  meta: {
    id: 'fab-t',
    apiVersion: 1,
    version: 2,
    title: 'Targeted fast adaptive boundary attack',
    source: papers.croce2019,
    provenance: 'paper+code',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  run: (context) =>
    towardTargets(
      context,
      async (task) => (await fastAdaptiveBoundary(task, context.options)).adversarial,
    ),
  cost(options, classes) {
    const { forward, backward } = fastAdaptiveBoundaryCost(options, classes)
    return { forward: forward + 1, backward }
  },
})
