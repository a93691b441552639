/** SPSA: Adam on gradients estimated from random signs. */
import { defineAttack, parseEpsilon, towardTargets } from '../../../core/api/plugin.ts'
import type { JSONSchema } from '../../../core/api/plugin.ts'
import { sampledAscent, sampledAscentCost } from './sampled-ascent.ts'
import type { SampledUpdate } from './sampled-ascent.ts'
import { samplingOptions } from './sampling-options.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...samplingOptions,
    samples: { ...samplingOptions.samples, default: 128 },
    sampleDistance: {
      ...samplingOptions.sampleDistance,
      description:
        'distance of a sample from the point in each component, a positive number or a fraction ' +
        'such as "2/255"; default: 0.01 of the range of the bounds',
    },
    stepSize: {
      ...samplingOptions.stepSize,
      description:
        'step size of Adam or length of a sign step, a positive number or a fraction such as ' +
        '"2/255"; default: 0.01 of the range of the bounds',
    },
    update: {
      enum: ['adam', 'sign'],
      default: 'adam',
      description: 'adam: Adam steps; sign: steps along the signs of the estimated gradient',
    },
    randomStart: { ...samplingOptions.randomStart, default: true },
  },
} as const satisfies JSONSchema

/**
 * Simultaneous perturbation stochastic approximation on the margin, with Adam and projection. The
 * distance of samples, the step size, and the random start are those of CleverHans, and so are the
 * 128 samples, which include both points of a pair here. Only the queries limit the number of
 * steps.
 * @see Uesato et al. 2018, algorithm 1
 */
export const spsa = defineAttack({
  meta: {
    id: 'spsa',
    apiVersion: 1,
    version: 1,
    title: 'Simultaneous perturbation stochastic approximation',
    source: papers.uesato2018,
    provenance: 'paper',
    norms: ['Linf'],
    knowledge: 'black-box',
    goals: ['untargeted', 'targeted'],
    stochastic: true,
    optionsSchema,
  },
  run(context) {
    const { options, threatModel } = context
    const hundredth = (threatModel.bounds[1] - threatModel.bounds[0]) / 100
    const update: SampledUpdate =
      options.update === 'adam' ? { kind: 'adam' } : { kind: 'steepest', momentum: 0 }
    const settings = {
      ...options,
      directions: 'signs',
      sampleDistance: parseEpsilon(options.sampleDistance ?? hundredth, 'sampleDistance'),
      stepSize: parseEpsilon(options.stepSize ?? hundredth, 'stepSize'),
      update,
    } as const
    return towardTargets(context, async (task) => (await sampledAscent(task, settings)).adversarial)
  },
  cost: (options) => sampledAscentCost(options),
})
