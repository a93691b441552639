/** Spatial: rotates and translates images, and changes other attributes of the threat model. */
import { lossSchema } from '../../../core/api/attack.ts'
import { defineAttack, optionLimits } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { attributeGridSchema, attributeSearch, attributeSearchCost } from './attribute-search.ts'
import { jointAscent, jointAscentCost } from './joint-ascent.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    method: {
      enum: ['grid', 'random', 'first-order'],
      default: 'grid',
      description:
        'grid: all points of a grid, with logits only; random: random points, with logits only; ' +
        'first-order: gradient ascent from random points',
    },
    grid: { ...attributeGridSchema, default: { rotation: 31, translationX: 5, translationY: 5 } },
    samples: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.samples,
      default: 10,
      description: 'method random only: number of points to try',
    },
    steps: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.steps,
      default: 200,
      description: 'method first-order only: gradient steps per restart',
    },
    stepSize: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.01,
      description:
        "method first-order only: length of a step, as a fraction of each attribute's range",
    },
    restarts: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.rounds,
      default: 1,
      description: 'method first-order only: starts per example that is not fooled',
    },
    loss: lossSchema,
  },
} as const satisfies JSONSchema

/**
 * Rotations and translations, found by an exhaustive grid, as the worst of k random ones, or by
 * gradient ascent. The defaults are the paper's budgets: 31 angles times 5 × 5 translations; 10
 * draws; 200 steps, each of 1 % of the range as we read it. The result is T(x) itself; the ball
 * around it is not used and may have size 0. Only the method `first-order` uses gradients.
 *
 * Differs from the paper: any attribute with a range can be searched; an example is finished at its
 * first misclassified point; `first-order` returns the point with the largest margin instead of the
 * last point, which a long step can make worse. Pixels from outside the image are black. The cost
 * of a grid is an upper bound, since attributes without a range are skipped.
 * @see Engstrom et al. 2019, section 3
 */
export const spatial = defineAttack({
  meta: {
    id: 'spatial',
    apiVersion: 1,
    version: 1,
    title: 'Spatial transformations',
    source: papers.engstrom2019,
    provenance: 'paper',
    norms: ['Linf', 'L2', 'L1'],
    knowledge: 'white-box',
    goals: ['untargeted'],
    stochastic: true,
    transforms: ['attribute'],
    optionsSchema,
  },
  async run(context) {
    const { options } = context
    if (options.method === 'grid' || options.method === 'random') {
      return attributeSearch(context, { ...options, method: options.method })
    }
    return jointAscent(context, {
      ...options,
      attributeStep: options.stepSize,
      semanticGuard: false,
    })
  },
  cost: ({ method, ...options }) =>
    method === 'first-order'
      ? jointAscentCost({ ...options, semanticGuard: false })
      : attributeSearchCost({ ...options, method }),
})
