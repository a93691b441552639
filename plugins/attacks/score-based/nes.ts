/** NES: projected steps along gradients estimated from normal samples. */
import {
  defineAttack,
  parseEpsilon,
  towardTargets,
  optionLimits,
} from '../../../core/api/plugin.ts'
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
        "standard deviation of a sample's components in input units, a positive number or a " +
        'fraction such as "1/255"; default: 0.001 of the range of the bounds',
    },
    stepSize: {
      ...samplingOptions.stepSize,
      description:
        'length of a step in the norm of the threat model, a positive number or a fraction such ' +
        'as "2/255"; default: epsilon / 5',
    },
    momentum: {
      type: 'number',
      minimum: 0,
      maximum: optionLimits.factor,
      default: 0.9,
      description: 'decay factor of the accumulated gradient; 0 disables momentum',
    },
    randomStart: { ...samplingOptions.randomStart, default: false },
  },
} as const satisfies JSONSchema

/**
 * Natural evolution strategies with antithetic sampling. Samples, their standard deviation,
 * momentum, and the number of queries are those of the authors' code, and so is the step, 0.01 at
 * their ε of 0.05. Differs from it: the step length is constant; gradients accumulate as in `mim`;
 * the loss is the margin instead of cross-entropy, and the attack is untargeted.
 * @see Ilyas et al. 2018
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
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  run(context) {
    const { options, threatModel } = context
    const { bounds, epsilon } = threatModel
    const deviation = options.sampleDistance ?? (bounds[1] - bounds[0]) / 1000
    const settings = {
      ...options,
      directions: 'normal',
      sampleDistance: parseEpsilon(deviation, 'sampleDistance'),
      stepSize: parseEpsilon(options.stepSize ?? epsilon / 5, 'stepSize'),
      update: { kind: 'steepest', momentum: options.momentum },
    } as const
    return towardTargets(context, async (task) => (await sampledAscent(task, settings)).adversarial)
  },
  cost: (options) => sampledAscentCost(options),
})
