/** Adversarial training with one step of the gradient's sign. */
import { crossEntropy } from '../../../core/api/graph.ts'
import { defineDefense, epsilonSchema } from '../../../core/api/plugin.ts'
import { papers } from '../../papers.ts'
import { adversarialBudget, adversarialProperties } from '../training/adversarial-options.ts'
import { trainAdversarially } from '../training/adversarial-training.ts'
import { trainingProperties } from '../training/training-options.ts'

const { steps: _one, ...properties } = adversarialProperties

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...trainingProperties,
    ...properties,
    stepSize: {
      ...epsilonSchema,
      description:
        'step of the inner attack, a positive number or a fraction such as "10/255"; default: ' +
        '1.25 epsilon',
    },
  },
} as const

/**
 * Minimizes cross-entropy on examples of one step from a uniform random start in the ball. The
 * default step is 1.25 ε, that of the paper. Longer training or a larger step can overfit to the
 * attack (catastrophic overfitting): accuracy under several steps then falls to about 0, which
 * `keep: "best"` detects on the held-out examples.
 * @see Wong et al. 2020, algorithm 3
 */
export const fgsmAt = defineDefense({
  meta: {
    id: 'fgsm-at',
    apiVersion: 1,
    version: 1,
    title: 'FGSM adversarial training with a random start',
    source: papers.wong2020,
    provenance: 'paper',
    trains: true,
    optionsSchema,
    optionRoles: { network: 'network' },
  },
  prepare(context) {
    const oneStep = { ...context, options: { ...context.options, steps: 1 } }
    return trainAdversarially(oneStep, {
      identity: 'fgsm-at@1',
      budget: adversarialBudget(oneStep, 'fgsm-at', 1.25),
      start: 'uniform',
      maximizes: 'cross-entropy',
      objective: { of: 'adversarial', loss: crossEntropy },
    })
  },
})
