/** APGD-DLR: PGD on the difference of logits ratio that finds its own step sizes. */
import { budgetOptions } from '../../../core/api/attack.ts'
import { defineAttack } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { autoProjectedGradient, autoProjectedGradientCost } from './auto-projected-gradient.ts'
import { papers } from '../../papers.ts'

const { steps, restarts, samples } = budgetOptions
const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { steps, restarts, samples },
} as const satisfies JSONSchema
const loss = 'dlr'

/**
 * APGD on the difference of logits ratio, which no scaling of the logits changes; with two classes on the margin.
 * @see Croce, Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks", arXiv:2003.01690, algorithm 1
 */
export const apgdDlr = defineAttack({
  meta: {
    id: 'apgd-dlr',
    apiVersion: 1,
    version: 1,
    title: 'Auto-PGD on the difference of logits ratio',
    source: papers.croce2020,
    provenance: 'paper+code',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'white-box',
    goals: ['untargeted'],
    stochastic: true,
    optionsSchema,
  },
  async run(context) {
    const { adversarial } = await autoProjectedGradient(context, { ...context.options, loss })
    return adversarial
  },
  cost: (options, classes, norm = 'Linf') =>
    autoProjectedGradientCost({ ...options, loss }, classes, norm),
})
