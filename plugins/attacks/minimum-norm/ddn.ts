/** DDN: the minimum L2 perturbation, with direction and norm decoupled. */
import { budgetOptions, lossSchema } from '../../../core/api/attack.ts'
import { defineAttack, towardTargets } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { decoupledDirection } from './decoupled-direction.ts'
import { radiusSearchCost } from './radius-search.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    steps: { ...budgetOptions.steps, description: 'gradient steps' },
    loss: lossSchema,
    radiusChange: {
      type: 'number',
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      default: 0.05,
      description: 'relative change of the norm at each step',
    },
  },
} as const satisfies JSONSchema

/**
 * The decoupled direction and norm attack. Its norm oscillates by 5 % around the minimum, so its
 * perturbations are longer by some tenths of a percent than those of `fmn`, whose changes decrease.
 * @see Rony et al. 2018, algorithm 1
 */
export const ddn = defineAttack({
  meta: {
    id: 'ddn',
    apiVersion: 1,
    version: 2,
    title: 'Decoupled direction and norm attack',
    source: papers.rony2018,
    provenance: 'paper+code',
    norms: ['L2'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: false,
    minimumNorm: true,
    optionsSchema,
  },
  run: (context) => towardTargets(context, (task) => decoupledDirection(task, context.options)),
  cost: (options) => radiusSearchCost(options),
})
