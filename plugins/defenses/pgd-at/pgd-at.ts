/** Adversarial training with projected gradient descent. */
import { crossEntropy } from '../../../core/api/graph.ts'
import { defineDefense } from '../../../core/api/plugin.ts'
import { papers } from '../../papers.ts'
import { adversarialBudget, adversarialProperties } from '../training/adversarial-options.ts'
import { trainAdversarially } from '../training/adversarial-training.ts'
import { trainingProperties } from '../training/training-options.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { ...trainingProperties, ...adversarialProperties },
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
  prepare: (context) =>
    trainAdversarially(context, {
      identity: 'pgd-at@2',
      budget: adversarialBudget(context, 'pgd-at'),
      start: 'uniform',
      maximizes: 'cross-entropy',
      objective: { of: 'adversarial', loss: crossEntropy },
    }),
})
