/** Amplitude-phase recombination: trains on images with the amplitudes of others. */
import { crossEntropy, gatherRows, g } from '../../../core/api/graph.ts'
import { defineDefense } from '../../../core/api/plugin.ts'
import { batchMean, definePhase } from '../../../core/api/training.ts'
import type { ModelFunction } from '../../../core/api/training.ts'
import { papers } from '../../papers.ts'
import { trainRecipe } from '../training/train-recipe.ts'
import { trainingProperties } from '../training/training-options.ts'
import { recombined } from './recombined.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...trainingProperties,
    probability: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.6,
      description: 'probability, per batch, that amplitudes are exchanged',
    },
  },
} as const

/**
 * APR-P: minimizes the mean of cross-entropy on clean images and on images that keep their phase
 * and take the whole amplitude of another image of the batch, over all three axes. Both halves
 * share the statistics of batch normalization. In other batches, both halves are the clean images.
 * It is trained without an adversary: a baseline of training in the frequency domain, not of
 * adversarial robustness.
 * @see Chen et al. 2021, section 3.2
 */
export const apr = defineDefense({
  meta: {
    id: 'apr',
    apiVersion: 1,
    version: 1,
    title: 'Amplitude-phase recombination (APR-P)',
    source: papers.chen2021,
    provenance: 'paper',
    trains: true,
    optionsSchema,
    optionRoles: { network: 'network' },
  },
  prepare: (context) =>
    trainRecipe(context, 'apr@1', ({ data, classifier, group, augmented }) => {
      const recombine: ModelFunction<'images' | 'partners', 'mixed'> = {
        name: 'amplitude exchange',
        inputs: { images: { shape: data.shape }, partners: { shape: data.shape } },
        build: (_m, { images, partners }) => ({ mixed: recombined(images, partners) }),
      }
      const phase = definePhase({
        name: 'training step',
        inputs: { images: { shape: data.shape }, mixed: { shape: data.shape } },
        async prepare(batch) {
          const images = augmented(batch)
          const random = batch.random('amplitudes')
          if (random.uniform() >= context.options.probability) return { images, mixed: images }
          const partners = gatherRows(images, random.permutation(batch.rows.length))
          return { images, ...(await batch.call(recombine, { images, partners })) }
        },
        steps: [
          {
            updates: [group('weights', [classifier])],
            loss(m, { images, mixed, labels }) {
              const both = g.concat([images, mixed], 0)
              const logits = m.apply(classifier, [both], { training: true })
              const loss = batchMean(crossEntropy(logits, g.concat([labels, labels], 0)))
              const count = Number(images.shape[0])
              return { loss, logits: g.slice(logits, [0], [count], [0]) }
            },
          },
        ],
      })
      return { recipe: { phases: [phase], model: (m, images) => m.apply(classifier, [images]) } }
    }),
})
