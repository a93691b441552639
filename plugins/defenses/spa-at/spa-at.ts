/** Adversarial training against joint changes of attributes and pixels. */
import { crossEntropy, g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import { ConfigError, defineDefense, optionLimits } from '../../../core/api/plugin.ts'
import type { AttributeRanges, FromSchema, ThreatModel } from '../../../core/api/plugin.ts'
import { batchMean, boxVariable, definePhase, noiseVariable } from '../../../core/api/training.ts'
import type { InnerAttack } from '../../../core/api/training.ts'
import {
  attributes,
  attributeTransform,
  rangedAttributes,
  requireAttributeRanges,
} from '../../../core/api/transforms.ts'
import type { AttributeName } from '../../../core/api/transforms.ts'
import { papers } from '../../papers.ts'
import {
  adversarialBudget,
  adversarialProperties,
  attackBatch,
  awpOf,
} from '../training/adversarial-options.ts'
import type { AdversarialBudget } from '../training/adversarial-options.ts'
import { trainRecipe } from '../training/train-recipe.ts'
import type { DefenseRecipe, RecipeParts } from '../training/train-recipe.ts'
import { trainingProperties } from '../training/training-options.ts'

const range = {
  type: 'array',
  items: { type: 'number', minimum: -optionLimits.size, maximum: optionLimits.size },
  minItems: 2,
  maxItems: 2,
} as const

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...trainingProperties,
    ...adversarialProperties,
    ranges: {
      type: 'object',
      additionalProperties: false,
      minProperties: 1,
      properties: {
        rotation: range,
        scale: range,
        translationX: range,
        translationY: range,
        hue: range,
        saturation: range,
        contrast: range,
        brightness: range,
      },
      description:
        'lowest and highest value of each attribute, in its unit; default: the ranges of the ' +
        'threat model, which must then have attributes',
    },
    attributeSteps: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: optionLimits.factor,
      default: 0.25,
      description: 'step of an attribute, as a fraction of its range',
    },
    samples: {
      type: 'array',
      items: { enum: ['clean', 'attribute', 'joint'] },
      minItems: 1,
      uniqueItems: true,
      default: ['clean', 'attribute', 'joint'],
      description:
        'images of each batch that cross-entropy is minimized on; clean: as they are; attribute: ' +
        'with the found attributes; joint: with attributes and noise',
    },
  },
} as const

type SpaOptions = FromSchema<typeof optionsSchema>

/**
 * Minimizes cross-entropy on clean images, on images with attributes that raise the loss, and on
 * these with noise that raises it further. Attributes and noise are found together by projected
 * steps along the gradient's sign, from a uniform start.
 *
 * The paper's generator network is replaced by this search: the abstract speaks of optimizing the
 * attribute value and the noise, and the released code has no such step.
 * @see Gao et al. 2023
 */
export const spaAt = defineDefense({
  meta: {
    id: 'spa-at',
    apiVersion: 1,
    version: 1,
    title: 'Semantic-preserving adversarial training (SPA)',
    source: papers.gao2023,
    provenance: 'author-code+abstract',
    trains: true,
    optionsSchema,
    optionRoles: { network: 'network' },
  },
  prepare(context) {
    const budget = adversarialBudget(context, 'spa-at')
    const { options, threatModel, dataset } = context
    if (threatModel.norm !== 'Linf') {
      throw new ConfigError(
        'ROBENCH_CONFIG',
        `spa-at: expected a threat model in Linf, got ${threatModel.norm}; ` +
          'remove it from this suite',
      )
    }
    const ranges = rangesOf(options.ranges as AttributeRanges | undefined, threatModel)
    requireAttributeRanges(ranges, [1, ...dataset.shape])
    return trainRecipe(context, 'spa-at@1', (parts) => spaRecipe(parts, options, budget, ranges))
  },
})

/** @throws ConfigError ROBENCH_CONFIG if neither the options nor the threat model have ranges */
function rangesOf(own: AttributeRanges | undefined, { transform }: ThreatModel): AttributeRanges {
  if (own) return own
  if (transform?.kind === 'attribute') return transform.ranges
  throw new ConfigError(
    'ROBENCH_CONFIG',
    'spa-at: expected the option ranges, such as {"rotation": [-10, 10]}, or a threat model with ' +
      'a transform of kind "attribute"',
  )
}

function spaRecipe(
  { data, classifier, group, augmented }: RecipeParts,
  options: SpaOptions,
  budget: AdversarialBudget,
  ranges: AttributeRanges,
): DefenseRecipe {
  const names = rangedAttributes(ranges)
  const attack: InnerAttack = {
    ...jointAttack(names, ranges, options, budget, data.bounds),
    loss: (m, { images, labels }) => crossEntropy(m.apply(classifier, [images]), labels),
  }
  const image = { shape: data.shape }
  const phase = definePhase({
    name: 'training step',
    inputs: { clean: image, joint: image, attributes: { shape: [names.length] } },
    async prepare(batch) {
      const clean = augmented(batch)
      const { images, variables } = await attackBatch(batch, attack, clean, budget)
      return { clean, joint: images, attributes: variables['attributes']! }
    },
    steps: [
      {
        updates: [group('weights', [classifier])],
        ...awpOf(options),
        loss(m, { clean, joint, attributes: values, labels }) {
          const images = {
            clean,
            attribute: attributeTransform(clean, valuesOf(names, values), data.bounds),
            joint,
          }
          const logits = options.samples.map((sample) =>
            m.apply(classifier, [images[sample]], { training: true }),
          )
          const losses = logits.map((branch) => batchMean(crossEntropy(branch, labels)))
          return { loss: losses.reduce((sum, loss) => g.add(sum, loss)), logits: logits.at(-1)! }
        },
      },
    ],
  })
  return {
    recipe: { phases: [phase], model: (m, images) => m.apply(classifier, [images]) },
    threatModel: { norm: 'Linf', epsilon: budget.threatModel.epsilon, bounds: data.bounds },
    facts: { adversary: { ...budget, ranges } },
  }
}

/** x̃ = clip(𝒜(x, a) + η) with |η| ≤ ε and a in its ranges, without its loss. */
function jointAttack(
  names: readonly AttributeName[],
  ranges: AttributeRanges,
  { attributeSteps }: SpaOptions,
  { threatModel, stepSize, steps }: AdversarialBudget,
  bounds: readonly [low: number, high: number],
): Omit<InnerAttack, 'loss'> {
  const limits = names.map((name) => ranges[name]!)
  return {
    name: 'joint attack',
    steps,
    variables: {
      noise: noiseVariable({ epsilon: threatModel.epsilon, stepSize }),
      attributes: boxVariable({
        low: limits.map(([low]) => low),
        high: limits.map(([, high]) => high),
        stepSizes: limits.map(([low, high]) => attributeSteps * (high - low)),
        neutral: names.map((name) => attributes[name].neutral),
      }),
    },
    perturb: ({ noise, attributes: values }, clean) =>
      g.clip(g.add(attributeTransform(clean, valuesOf(names, values!), bounds), noise!), ...bounds),
  }
}

/** The columns of `[n, attributes]`, each `[n]`. */
function valuesOf(names: readonly AttributeName[], values: Value): Record<string, Value> {
  return Object.fromEntries(
    names.map((name, column) => [name, g.gather(values, g.scalar(column, 'int64'), 1)]),
  )
}
