/** FAB: repeated steps toward the nearest linearized decision. */
import { budgetOptions } from '../../../core/api/attack.ts'
import { defineAttack, towardTargets } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { fastAdaptiveBoundary, fastAdaptiveBoundaryCost } from './fast-adaptive-boundary.ts'
import { papers } from '../../papers.ts'

const { steps, restarts } = budgetOptions
const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { steps, restarts },
} as const satisfies JSONSchema

/**
 * The fast adaptive boundary attack, untargeted. It searches for the nearest misclassified point,
 * and stops when one lies within the ball. A step costs a backward pass for every wrong class, a
 * forward pass for each nine of them, and a forward pass to evaluate its result; each run takes
 * another forward pass at its end. For many classes, use `fab-t`.
 * @see Croce and Hein 2019, algorithm 1
 */
export const fab = defineAttack({
  meta: {
    id: 'fab',
    apiVersion: 1,
    version: 3,
    title: 'Fast adaptive boundary attack',
    source: papers.croce2019,
    provenance: 'paper+code',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  run(context) {
    const budget = { ...context.options, targets: 0 }
    return towardTargets(
      context,
      async (task) => (await fastAdaptiveBoundary(task, budget)).adversarial,
    )
  },
  cost: (options, classes) => fastAdaptiveBoundaryCost({ ...options, targets: 0 }, classes),
})
