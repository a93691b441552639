/** APGD-T: APGD towards the likeliest wrong classes, one after the other. */
import { budgetOptions } from '../../../core/api/attack.ts'
import { defineAttack } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { autoProjectedGradient, autoProjectedGradientCost } from './auto-projected-gradient.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: budgetOptions,
} as const satisfies JSONSchema
const loss = 'dlr-targeted'

/**
 * APGD on the targeted difference of logits ratio; with fewer than four classes on z_t − z_y. Any misclassified point
 * will do, whatever the target. One forward pass an example ranks the targets.
 * @see Croce, Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks", arXiv:2003.01690, section 4.2
 */
export const apgdT = defineAttack({
  meta: {
    id: 'apgd-t',
    apiVersion: 1,
    version: 1,
    title: 'Targeted Auto-PGD on the difference of logits ratio',
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
  cost(options, classes, norm = 'Linf') {
    const { forward, backward } = autoProjectedGradientCost({ ...options, loss }, classes, norm)
    return { forward: forward + 1, backward }
  },
})
