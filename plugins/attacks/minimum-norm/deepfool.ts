/** DeepFool: steps to the nearest linearized decision until the model is fooled. */
import { budgetOptions } from '../../../core/api/attack.ts'
import { defineAttack, towardTargets, optionLimits } from '../../../core/api/plugin.ts'
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
      maximum: optionLimits.factor,
      default: 0.02,
      description: 'relative extension of the perturbation beyond the linearized decision',
    },
    halvings: {
      type: 'integer',
      minimum: 0,
      maximum: optionLimits.rounds,
      default: 10,
      description:
        'bisection steps between the input and the fooling point in search of a nearer one; 0 ' +
        'keeps the overshoot, as in the paper',
    },
  },
} as const satisfies JSONSchema

/**
 * DeepFool. It is fast, and gives a rough estimate of the distance to the decision boundary: its
 * points are seldom the nearest ones.
 * @see Moosavi-Dezfooli et al. 2015, algorithm 2
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
    goals: ['untargeted', 'targeted'],
    stochastic: false,
    minimumNorm: true,
    optionsSchema,
  },
  run: (context) => towardTargets(context, (task) => deepFoolSearch(task, context.options)),
  cost: (options, classes) => deepFoolCost(options, classes),
})
