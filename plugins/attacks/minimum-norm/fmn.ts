/** FMN: the minimum perturbation in Linf, L2, or L1, with an adaptive norm constraint. */
import { budgetOptions } from '../../../core/api/attack.ts'
import {
  defineAttack,
  epsilonSchema,
  parseEpsilon,
  towardTargets,
} from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { fastMinimumNorm } from './fast-minimum-norm.ts'
import { radiusSearchCost } from './radius-search.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    steps: { ...budgetOptions.steps, description: 'gradient steps' },
    stepSize: {
      ...epsilonSchema,
      description:
        'Euclidean length of the first step, in the units of the inputs; the width of the ' +
        'bounds by default',
    },
  },
} as const satisfies JSONSchema

/**
 * The fast minimum-norm attack on the margin.
 * @see Pintor et al. 2021, algorithm 1
 */
export const fmn = defineAttack({
  meta: {
    id: 'fmn',
    apiVersion: 1,
    version: 2,
    title: 'Fast minimum-norm attack',
    source: papers.pintor2021,
    provenance: 'paper+code',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'white-box',
    goals: ['untargeted', 'targeted'],
    stochastic: false,
    minimumNorm: true,
    optionsSchema,
  },
  run(context) {
    const { options, threatModel } = context
    const [low, high] = threatModel.bounds
    const stepSize = parseEpsilon(options.stepSize ?? high - low, 'stepSize')
    const { steps } = options
    return towardTargets(context, (task) => fastMinimumNorm(task, { steps, stepSize }))
  },
  cost: (options) => radiusSearchCost(options),
})
