/** Options of DAT. */
import { optionLimits } from '../../../core/api/plugin.ts'
import { adversarialProperties } from '../training/adversarial-options.ts'
import { trainingProperties } from '../training/training-options.ts'

/** The JSON Schema of the options. */
export const datOptionsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...trainingProperties,
    ...adversarialProperties,
    steps: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.steps,
      default: 5,
      description: 'K: steps of the inner attack',
    },
    beta: {
      type: 'number',
      minimum: 0,
      maximum: optionLimits.factor,
      default: 15,
      description: 'β: weight of the KL divergence, in the loss and in the inner attack',
    },
    omega: {
      type: 'number',
      minimum: 0,
      maximum: optionLimits.factor,
      default: 2,
      description:
        'ω: weight of the Jensen-Shannon divergence between image and recombined image; 0 is the ' +
        'ablation "w/o D_JS"',
    },
    labelSmoothing: {
      type: 'number',
      minimum: 0,
      exclusiveMaximum: 1,
      default: 0.5,
      description: 'of cross-entropy; 0.5 in the released code, not mentioned in the paper',
    },
    recombination: {
      enum: ['generator', 'random', 'none'],
      default: 'generator',
      description:
        'generator: amplitudes of the adversarial amplitude generator; random: amplitudes of ' +
        'random training images (ablation "w/o AAG"); none: no recombined images (the ' +
        "ablation's baseline)",
    },
    mix: {
      enum: ['uniform', 'full'],
      default: 'uniform',
      description:
        'λ, the share of the foreign amplitude; uniform: drawn from [0, mixLimit] for each image; ' +
        'full: always 1 (ablation "w/o mix-up")',
    },
    mixLimit: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 1,
      description: 'μ: upper limit of λ',
    },
    splitNormalization: {
      type: 'boolean',
      default: true,
      description:
        'batch normalization of its own for recombined images; false is the ablation "w/o split BN"',
    },
    adversaries: {
      enum: ['dual', 'single'],
      default: 'dual',
      description:
        'dual: the inner attack is run on images and on recombined images; single: on images, and ' +
        'its result is recombined (equations 13 and 14)',
    },
    noiseSize: {
      type: 'integer',
      minimum: 1,
      maximum: optionLimits.width,
      default: 100,
      description: "components of the generator's noise",
    },
    generatorWidths: {
      type: 'array',
      items: { type: 'integer', minimum: 1, maximum: optionLimits.width },
      minItems: 1,
      maxItems: 8,
      default: [128, 256, 512, 1024],
      description:
        "units of the generator's hidden layers; four in the released code, three in the paper's " +
        'text',
    },
    generatorRate: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: optionLimits.factor,
      default: 0.1,
      description: 'learning rate of the generator, constant over training',
    },
    normalizeAmplitude: {
      type: 'boolean',
      default: false,
      description:
        "scale the generator's output to the largest amplitude of the image; false as in the " +
        'released code, where outputs in (0, 1) are far below amplitudes of images',
    },
    recombinedCrop: {
      type: 'integer',
      minimum: 0,
      maximum: optionLimits.margin,
      default: 3,
      description: 'zero padding in pixels before a random crop of recombined images',
    },
  },
} as const
