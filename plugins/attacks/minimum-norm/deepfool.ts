/** DeepFool: the nearest decision, linearized, until the model is fooled. */
import { budgetOptions } from '../../../core/api/attack.ts'
import { defineAttack } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { deepFoolCost, deepFoolSearch } from './deepfool-search.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    steps: { ...budgetOptions.steps, default: 50, description: 'linearizations' },
    targets: budgetOptions.targets,
    overshoot: {
      type: 'number',
      minimum: 0,
      default: 0.02,
      description: 'how far the perturbation is stretched beyond what the linearizations ask for',
    },
    halvings: {
      type: 'integer',
      minimum: 0,
      default: 10,
      description:
        'how often the way to the fooling point is halved in search of a nearer one; 0 keeps the overshoot, as the paper does',
    },
  },
} as const satisfies JSONSchema

/**
 * DeepFool. Quick, and a rough guide to how near decisions are: its answers seldom are the nearest.
 * @see Moosavi-Dezfooli, Fawzi, Frossard 2016, "DeepFool: a simple and accurate method to fool deep neural networks", arXiv:1511.04599, algorithm 2
 */
export const deepfool = defineAttack({
  meta: {
    id: 'deepfool',
    apiVersion: 1,
    version: 1,
    title: 'DeepFool',
    source: papers.moosavi2015,
    provenance: 'paper+code',
    norms: ['Linf', 'L2'],
    knowledge: 'white-box',
    goals: ['untargeted'],
    stochastic: false,
    minimumNorm: true,
    optionsSchema,
  },
  run: (context) => deepFoolSearch(context, context.options),
  cost: (options, classes) => deepFoolCost(options, classes),
})
