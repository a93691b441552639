/** MART: adversarial training that weights the divergence by the doubt about the clean example. */
import { defineDefense, optionLimits } from '../../../core/api/plugin.ts'
import { martLoss } from '../../../core/api/training.ts'
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
    lambda: {
      type: 'number',
      minimum: 0,
      maximum: optionLimits.factor,
      default: 5,
      description: "λ: weight of the divergence; 5 in the paper, 6 as default of the authors' code",
    },
  },
} as const

/**
 * Minimizes BCE(f(x′), y) + λ·KL(f(x)‖f(x′))·(1 − f_y(x)), with the boosted cross-entropy BCE,
 * which also decreases the probability of the strongest wrong class. The inner attack increases
 * cross-entropy, from a start at x plus normal noise of deviation 0.001.
 * @see Wang et al. 2020, equation 11
 */
export const mart = defineDefense({
  meta: {
    id: 'mart',
    apiVersion: 1,
    version: 1,
    title: 'Misclassification-aware adversarial training (MART)',
    source: papers.wang2020,
    provenance: 'paper',
    trains: true,
    optionsSchema,
    optionRoles: { network: 'network' },
  },
  prepare: (context) =>
    trainAdversarially(context, {
      identity: 'mart@1',
      budget: adversarialBudget(context, 'mart'),
      start: { deviation: startDeviation },
      maximizes: 'cross-entropy',
      objective: {
        of: 'pair',
        loss: (clean, adversarial, labels) =>
          martLoss(clean, adversarial, labels, context.options.lambda),
      },
    }),
})
