/** Adversarial training with projected gradient descent. */
import {
  ConfigError,
  defineDefense,
  epsilonSchema,
  parseEpsilon,
} from '../../../core/api/plugin.ts'
import { trainClassifier } from '../training/train-classifier.ts'
import { trainingProperties } from '../training/training-options.ts'
import { papers } from '../../papers.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...trainingProperties,
    steps: { type: 'integer', minimum: 1, default: 7, description: 'steps of the inner attack' },
    stepSize: {
      ...epsilonSchema,
      description:
        'step of the inner attack, a positive number or a fraction such as "2/255"; default: ' +
        'epsilon / 4',
    },
    epsilon: {
      ...epsilonSchema,
      description:
        'radius of the inner attack, a positive number or a fraction such as "8/255"; default: ' +
        'that of the threat model',
    },
    ramp: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0,
      description: 'fraction of training, from 0 to 1, over which the radius grows from 0',
    },
  },
} as const

/**
 * Minimizes cross-entropy on examples of a PGD attack with a random start, recomputed at each step.
 * The inner attack uses the running statistics of batch normalization, as in the code of TRADES, so
 * that weights are constants of the attack's graph; Madry et al. use the statistics of the batch.
 * The result is the running average of the weights.
 * @see Madry et al. 2017, equation 2.1
 */
export const pgdAt = defineDefense({
  meta: {
    id: 'pgd-at',
    apiVersion: 1,
    version: 2,
    title: 'PGD adversarial training',
    source: papers.madry2017,
    provenance: 'paper',
    trains: true,
    optionsSchema,
    optionRoles: { network: 'network' },
  },
  async prepare(context) {
    const { epsilon, ramp, stepSize, steps } = context.options
    if (context.threatModel.norm === 'L1') {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        'pgd-at: expected a threat model in Linf or L2, got L1; remove it from this suite',
      )
    }
    const radius =
      epsilon === undefined ? context.threatModel.epsilon : parseEpsilon(epsilon, 'epsilon')
    return trainClassifier(context, 'pgd-at@1', {
      threatModel: { ...context.threatModel, epsilon: radius },
      steps,
      ramp,
      stepSize: stepSize === undefined ? radius / 4 : parseEpsilon(stepSize, 'stepSize'),
    })
  },
})
