/** σ-zero: the minimum number of changed pixels. */
import { budgetOptions } from '../../../core/api/attack.ts'
import { defineAttack, towardTargets, optionLimits } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { papers } from '../../papers.ts'
import { sigmaZeroCost, sigmaZeroSearch } from './sigma-zero-search.ts'

const positive = { type: 'number', exclusiveMinimum: 0, maximum: optionLimits.factor } as const

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    steps: { ...budgetOptions.steps, default: 1000, description: 'gradient steps' },
    stepSize: {
      ...positive,
      default: 1,
      description: 'learning rate of Adam in the range of the bounds, annealed to a tenth',
    },
    smoothing: {
      ...positive,
      default: 0.001,
      description: 'sharpness of the count: a squared change much larger than it counts as one',
    },
    threshold: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.3,
      description: 'initial change, in the range of the bounds, below which pixels are restored',
    },
    thresholdChange: {
      ...positive,
      default: 0.01,
      description: 'change of the threshold per step, as a fraction of the learning rate',
    },
  },
} as const satisfies JSONSchema

/**
 * σ-zero in L0, where ε is a number of pixels. It minimizes their number, so one run gives a
 * robustness curve.
 * @see Cinà et al. 2024, "σ-zero: gradient-based optimization of ℓ0-norm adversarial examples",
 * arXiv:2402.01879, algorithm 1
 */
export const sigmaZero = defineAttack({
  meta: {
    id: 'sigma-zero',
    apiVersion: 1,
    version: 1,
    title: 'σ-zero',
    source: papers.cina2024,
    provenance: 'paper+code',
    norms: ['L0'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: false,
    minimumNorm: true,
    optionsSchema,
  },
  run: (context) => towardTargets(context, (task) => sigmaZeroSearch(task, context.options)),
  cost: (options) => sigmaZeroCost(options),
})
