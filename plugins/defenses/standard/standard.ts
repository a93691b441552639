/** Undefended training: the baseline of every table. */
import { crossEntropy } from '../../../core/api/graph.ts'
import { defineDefense } from '../../../core/api/plugin.ts'
import { batchMean, definePhase } from '../../../core/api/training.ts'
import { trainRecipe } from '../training/train-recipe.ts'
import { trainingProperties } from '../training/training-options.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: trainingProperties,
} as const

/** Minimizes cross-entropy on clean images. */
export const standard = defineDefense({
  meta: {
    id: 'standard',
    apiVersion: 1,
    version: 2,
    title: 'Standard training (undefended)',
    provenance: 'own',
    trains: true,
    optionsSchema,
    optionRoles: { network: 'network' },
  },
  prepare: (context) =>
    trainRecipe(context, 'standard@2', ({ data, classifier, group, augmented }) => ({
      recipe: {
        phases: [
          definePhase({
            name: 'training step',
            inputs: { images: { shape: data.shape } },
            prepare: (batch) => ({ images: augmented(batch) }),
            steps: [
              {
                updates: [group('weights', [classifier])],
                loss(m, { images, labels }) {
                  const logits = m.apply(classifier, [images], { training: true })
                  return { loss: batchMean(crossEntropy(logits, labels)), logits }
                },
              },
            ],
          }),
        ],
        model: (m, images) => m.apply(classifier, [images]),
      },
    })),
})
