/** Carlini and Wagner: the minimum perturbation in L2 or Linf by a penalty method. */
import { defineAttack, towardTargets, optionLimits } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { carliniWagnerCost, carliniWagnerSearch } from './carlini-wagner-search.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    steps: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.steps,
      default: 1000,
      description:
        'steps of Adam per run; a pixel needs some hundreds to leave its bound, where tanh is flat',
    },
    searchSteps: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.rounds,
      default: 9,
      description: 'runs, each with a different constant (L2) or threshold (Linf)',
    },
    learningRate: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: optionLimits.factor,
      default: 0.01,
      description: 'learning rate of Adam; in Linf, annealed to a hundredth within each run',
    },
    initialConstant: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: optionLimits.factor,
      description:
        'weight of the margin in the first run; by default 0.001 in L2, and 0.3 in Linf, where ' +
        'it is relative to the gradient',
    },
    confidence: {
      type: 'number',
      minimum: 0,
      maximum: optionLimits.factor,
      default: 0,
      description:
        'minimum margin of a misclassified point; above 0 for points meant to fool other ' +
        'models too',
    },
    abortEarly: {
      type: 'boolean',
      default: true,
      description: 'end a run that stops improving (L2) or has reached its threshold (Linf)',
    },
  },
} as const satisfies JSONSchema

/**
 * The attacks of Carlini and Wagner. `cost` is the maximum per example, since runs can end early.
 * In L2, perturbations shorter than a step of Adam come out too long unless the learning rate is
 * lowered.
 * @see Carlini and Wagner 2016, sections V and VI
 */
export const carliniWagner = defineAttack({
  meta: {
    id: 'carlini-wagner',
    apiVersion: 1,
    version: 1,
    title: 'Carlini and Wagner attack',
    source: papers.carlini2016,
    provenance: 'paper+code',
    norms: ['Linf', 'L2'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: false,
    minimumNorm: true,
    optionsSchema,
  },
  run(context) {
    const { options, threatModel } = context
    const usual = threatModel.norm === 'Linf' ? 0.3 : 0.001
    const initialConstant = options.initialConstant ?? usual
    return towardTargets(context, (task) =>
      carliniWagnerSearch(task, { ...options, initialConstant }),
    )
  },
  cost: (options) => carliniWagnerCost(options),
})
