/** Randomized smoothing: averages the prediction over Gaussian noise. */
import { crossEntropy } from '../../../core/api/graph.ts'
import { defineDefense, epsilonSchema, parseEpsilon } from '../../../core/api/plugin.ts'
import type { DefenseContext, DefenseResult } from '../../../core/api/plugin.ts'
import { batchMean, definePhase } from '../../../core/api/training.ts'
import { papers } from '../../papers.ts'
import { baseProperty, withProtectedBase, withTrainedBase } from '../protection/protected-base.ts'
import type { ProtectedBase } from '../protection/protected-base.ts'
import { trainRecipe } from '../training/train-recipe.ts'
import type { TrainedOptions } from '../training/train-recipe.ts'
import { trainingProperties } from '../training/training-options.ts'
import { smoothedComponent, smoothedFile } from './smoothed-graph.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...trainingProperties,
    base: {
      ...baseProperty,
      description:
        'path of the .onnx file of the base classifier, relative to the suite; its card is read ' +
        'too; default: train one on noisy images with the other options',
    },
    sigma: {
      ...epsilonSchema,
      default: 0.25,
      description:
        'σ: standard deviation of the noise in input units, a positive number or a fraction',
    },
    draws: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 8,
      description: 'noisy copies per pass of the exported model; the certificate draws its own',
    },
  },
} as const

/** Options after validation. */
type SmoothingOptions = TrainedOptions & {
  readonly base?: string
  readonly sigma: string | number
  readonly draws: number
}

/**
 * h(x) = ln mean softmax f(x + δ) over draws of δ ~ N(0, σ²I), in one stochastic graph. The base
 * classifier f is a given file, or is trained on images with the same noise. The smoothed
 * classifier of the paper predicts the most likely class of f(x + δ); its certificate is that of
 * `robench certify`, and holds for f and σ, whatever `draws` is. The exported model is what attacks
 * see: use `eot`, since its gradient is random.
 *
 * Its component `smoothed-classifier` is f, from noisy images to logits.
 * @see Cohen et al. 2019, section 3
 */
export const randomizedSmoothing = defineDefense({
  meta: {
    id: 'randomized-smoothing',
    apiVersion: 1,
    version: 1,
    title: 'Randomized smoothing',
    source: papers.cohen2019,
    provenance: 'paper',
    trains: true,
    optionsSchema,
    optionRoles: { network: 'network', base: 'path' },
  },
  async prepare(context) {
    const { options } = context
    const sigma = parseEpsilon(options.sigma, 'sigma')
    const { draws } = options
    const smooth = (base: ProtectedBase): DefenseResult => ({
      model: smoothedFile(base, { sigma, draws }),
      manifest: {
        bounds: base.bounds,
        layout: 'NCHW',
        ...(base.classNames && { classNames: base.classNames }),
        components: [smoothedComponent],
      },
    })
    const smoothing = { sigma, draws, component: smoothedComponent.name }
    if (options.base !== undefined) {
      const result = await withProtectedBase(context, options.base, smooth)
      return {
        ...result,
        training: { defense: 'randomized-smoothing@1', base: options.base, smoothing },
      }
    }
    const trained = await trainWithNoise(context, sigma)
    const result = await withTrainedBase(context, trained, smooth)
    return { ...result, training: { ...trained.training, smoothing } }
  },
})

/** Minimizes cross-entropy on images plus noise, which are not clipped. */
function trainWithNoise(
  context: DefenseContext<SmoothingOptions>,
  sigma: number,
): Promise<DefenseResult> {
  return trainRecipe(
    context,
    'randomized-smoothing@1',
    ({ data, classifier, group, augmented }) => ({
      recipe: {
        phases: [
          definePhase({
            name: 'training step',
            inputs: { noisy: { shape: data.shape } },
            prepare(batch) {
              const noisy = augmented(batch)
              const random = batch.random('noise')
              for (let i = 0; i < noisy.data.length; i++) {
                noisy.data[i] = noisy.data[i]! + sigma * random.normal()
              }
              return { noisy }
            },
            steps: [
              {
                updates: [group('weights', [classifier])],
                loss(m, { noisy, labels }) {
                  const logits = m.apply(classifier, [noisy], { training: true })
                  return { loss: batchMean(crossEntropy(logits, labels)), logits }
                },
              },
            ],
          }),
        ],
        model: (m, images) => m.apply(classifier, [images]),
      },
    }),
  )
}
