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
    steps: { type: 'integer', minimum: 1, default: 7, description: 'Steps of the inner attack.' },
    stepSize: {
      ...epsilonSchema,
      description: 'Step of the inner attack, a number or a fraction; default ε/4.',
    },
    epsilon: {
      ...epsilonSchema,
      description: 'Radius trained on; default that of the threat model.',
    },
    ramp: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0,
      description: 'First fraction of training in which the radius grows from 0.',
    },
  },
} as const

/**
 * Minimizes cross-entropy on the examples of a PGD attack from a random start, made anew at each
 * step (Madry et al. 2018, equation 2.1). The inner attack sees batch normalization at inference
 * (running statistics), as TRADES' code does, not the batch's own as Madry's: its weights can then
 * be constants of the attack's graph. The model is the running average of the weights.
 */
export const pgdAt = defineDefense({
  meta: {
    id: 'pgd-at',
    apiVersion: 1,
    version: 1,
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
        'pgd-at trains in Linf and L2; leave it out of a suite with a threat model in L1',
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
