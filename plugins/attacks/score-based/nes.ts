/** NES: gradients estimated with normal directions, and projected steps. */
import { defineAttack, parseEpsilon } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { sampledAscent, sampledAscentCost } from './sampled-ascent.ts'
import { samplingOptions } from './sampling-options.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...samplingOptions,
    samples: { ...samplingOptions.samples, default: 50 },
    sampleDistance: {
      ...samplingOptions.sampleDistance,
      description:
        'standard deviation of a sample\'s components, such as "1/255"; 0.001 of the range of the bounds if left out',
    },
    stepSize: {
      ...samplingOptions.stepSize,
      description:
        'length of a step in the norm of the attack, such as "2/255"; epsilon / 5 if left out',
    },
    momentum: {
      type: 'number',
      minimum: 0,
      default: 0.9,
      description: 'decay of the accumulated gradient, 0 for none',
    },
    randomStart: { ...samplingOptions.randomStart, default: false },
  },
} as const satisfies JSONSchema

/**
 * Natural evolution strategies with antithetic sampling. Samples, their standard deviation, momentum and the number of queries are
 * those of the authors' code, and so is the step, 0.01 at their ε of 0.05. Differs from it: steps keep their length; gradients are accumulated as in `mim`;
 * the margin takes the place of cross-entropy, towards no class but away from the true one.
 * @see Ilyas, Engstrom, Athalye, Lin 2018, "Black-box adversarial attacks with limited queries and information", arXiv:1804.08598
 */
export const nes = defineAttack({
  meta: {
    id: 'nes',
    apiVersion: 1,
    version: 1,
    title: 'Natural evolution strategies',
    source: papers.ilyas2018,
    provenance: 'paper+code',
    norms: ['Linf', 'L2'],
    knowledge: 'black-box',
    goals: ['untargeted'],
    stochastic: true,
    optionsSchema,
  },
  async run(context) {
    const { options, threatModel } = context
    const { bounds, epsilon } = threatModel
    const deviation = options.sampleDistance ?? (bounds[1] - bounds[0]) / 1000
    const { adversarial } = await sampledAscent(context, {
      ...options,
      directions: 'normal',
      sampleDistance: parseEpsilon(deviation, 'sampleDistance'),
      stepSize: parseEpsilon(options.stepSize ?? epsilon / 5, 'stepSize'),
      update: { kind: 'steepest', momentum: options.momentum },
    })
    return adversarial
  },
  cost: (options) => sampledAscentCost(options),
})
