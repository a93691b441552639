/** Adversarial training with projected gradient descent. */
import { crossEntropy } from '../../../core/api/graph.ts'
import { defineDefense } from '../../../core/api/plugin.ts'
import { batchMean, definePhase, imageVariable } from '../../../core/api/training.ts'
import type { InnerAttack } from '../../../core/api/training.ts'
import { papers } from '../../papers.ts'
import {
  adversarialBudget,
  adversarialProperties,
  awpOf,
  rampFactor,
} from '../training/adversarial-options.ts'
import { trainRecipe } from '../training/train-recipe.ts'
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
  async prepare(context) {
    const budget = adversarialBudget(context, 'pgd-at')
    return trainRecipe(context, 'pgd-at@2', ({ data, classifier, group, augmented }) => {
      const attack: InnerAttack = {
        name: 'inner attack',
        steps: budget.steps,
        variables: { images: imageVariable(budget) },
        loss: (m, { images, labels }) => crossEntropy(m.apply(classifier, [images]), labels),
      }
      const phase = definePhase({
        name: 'training step',
        inputs: { adversarial: { shape: data.shape } },
        async prepare(batch) {
          const { images } = await batch.attack(attack, {
            images: augmented(batch),
            labels: batch.labels,
            random: batch.random('start'),
            scale: rampFactor(budget, batch.progress),
          })
          return { adversarial: images }
        },
        steps: [
          {
            updates: [group('weights', [classifier])],
            ...awpOf(context.options),
            loss(m, { adversarial, labels }) {
              const logits = m.apply(classifier, [adversarial], { training: true })
              return { loss: batchMean(crossEntropy(logits, labels)), logits }
            },
          },
        ],
      })
      return {
        recipe: { phases: [phase], model: (m, images) => m.apply(classifier, [images]) },
        threatModel: budget.threatModel,
        facts: { adversary: budget },
      }
    })
  },
})
