/** TRADES: clean cross-entropy plus the divergence that a perturbation causes. */
import { defineDefense, optionLimits } from '../../../core/api/plugin.ts'
import { tradesLoss } from '../../../core/api/training.ts'
import { papers } from '../../papers.ts'
import { adversarialBudget, adversarialProperties } from '../training/adversarial-options.ts'
import { trainAdversarially } from '../training/adversarial-training.ts'
import { trainingProperties } from '../training/training-options.ts'

/** Standard deviation of the start's noise in the authors' code. */
const startDeviation = 0.001

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...trainingProperties,
    ...adversarialProperties,
    steps: { ...adversarialProperties.steps, default: 10 },
    beta: {
      type: 'number',
      minimum: 0,
      maximum: optionLimits.factor,
      default: 6,
      description: 'β: weight of the divergence; a larger one trades clean for robust accuracy',
    },
    smoothing: {
      type: 'number',
      minimum: 0,
      exclusiveMaximum: 1,
      default: 0,
      description: 'label smoothing of the clean cross-entropy, from 0 to below 1',
    },
  },
} as const

/**
 * Minimizes CE(f(x), y) + β·KL(f(x)‖f(x′)). The inner attack increases the same divergence, from a
 * start at x plus normal noise of deviation 0.001, with f(x) fixed; the minimization passes
 * gradients through both arguments. Batch normalization sees the clean and the adversarial batch
 * one after the other.
 * @see Zhang et al. 2019, equation 5 and algorithm 1
 */
export const trades = defineDefense({
  meta: {
    id: 'trades',
    apiVersion: 1,
    version: 1,
    title: 'TRADES',
    source: papers.zhang2019,
    provenance: 'paper',
    trains: true,
    optionsSchema,
    optionRoles: { network: 'network' },
  },
  prepare: (context) =>
    trainAdversarially(context, {
      identity: 'trades@1',
      budget: adversarialBudget(context, 'trades'),
      start: { deviation: startDeviation },
      maximizes: 'divergence',
      objective: {
        of: 'pair',
        loss: (clean, adversarial, labels) =>
          tradesLoss(clean, adversarial, labels, context.options.beta, context.options.smoothing),
      },
    }),
})
