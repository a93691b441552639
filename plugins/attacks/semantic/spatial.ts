/** Spatial: turns and moves images, and changes whatever other attributes the threat model permits. */
import { lossSchema } from '../../../core/api/attack.ts'
import { defineAttack } from '../../../core/api/plugin.ts'
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
        'try all points of a grid, or random ones, by logits alone; or follow the gradient from random ones',
    },
    grid: { ...attributeGridSchema, default: { rotation: 31, translationX: 5, translationY: 5 } },
    samples: {
      type: 'integer',
      minimum: 1,
      default: 10,
      description: 'of method random: how many points to try',
    },
    steps: {
      type: 'integer',
      minimum: 1,
      default: 200,
      description: 'of method first-order: gradient steps a restart',
    },
    stepSize: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.01,
      description:
        "of method first-order: the length of a step, as a share of each attribute's range",
    },
    restarts: {
      type: 'integer',
      minimum: 1,
      default: 1,
      description: 'of method first-order: how often to start anew while not fooled',
    },
    loss: lossSchema,
  },
} as const satisfies JSONSchema

/**
 * Rotations and translations, found by an exhaustive grid, as the worst of k random ones, or by gradient ascent. The defaults are the
 * paper's budgets: 31 angles times 5 × 5 moves; 10 draws; 200 steps, of 1 % of the range as we read it. Its answers are T(x) itself: the
 * ball around it, which may have no size, is left unused. Only the method first-order asks for gradients.
 *
 * Differs from the paper: any attribute that has a range may be searched, for the search is the same; an example is finished with its first
 * misclassified point, as nothing more can be found; first-order keeps the point with the largest margin, not the last one, which a long
 * step may have made worse. What turns in from outside the image is black. The cost of a grid is the most there can be: attributes without
 * a range are left out of it.
 * @see Engstrom, Tran, Tsipras, Schmidt, Madry 2019, "Exploring the landscape of spatial robustness", arXiv:1712.02779, section 3
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
