/** APGD-CE: PGD on cross-entropy that finds its own step sizes. */
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
const loss = 'cross-entropy'

/**
 * Projected gradient ascent on cross-entropy that finds its own step sizes. Logits of a very large or small scale hide its gradient: see `apgd-dlr`.
 * @see Croce, Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks", arXiv:2003.01690, algorithm 1
 */
export const apgdCe = defineAttack({
  meta: {
    id: 'apgd-ce',
    apiVersion: 1,
    version: 1,
    title: 'Auto-PGD on cross-entropy',
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
