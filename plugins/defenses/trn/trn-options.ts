/** Options of the two-stream restoration network. */
import { optionLimits } from '../../../core/api/plugin.ts'
import { scheduleNames } from '../../../core/api/training.ts'
import type { FromSchema, JSONSchema } from '../../../core/api/plugin.ts'
import { baseProperty } from '../protection/protected-base.ts'
import { adversarialProperties } from '../training/adversarial-options.ts'
import { trainingProperties } from '../training/training-options.ts'
import { trainingAttackNames } from './training-attacks.ts'

const networkProperties = {
  width: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.width,
    default: 32,
    description: 'channels of each stream',
  },
  blocks: {
    type: 'integer',
    minimum: 0,
    maximum: optionLimits.depth,
    default: 4,
    description: 'residual blocks per stream, each followed by a fusion block',
  },
  streams: {
    enum: ['both', 'image-only'],
    default: 'both',
    description: 'both: images and gradient maps; image-only: an ablation without gradient maps',
  },
  fusion: {
    enum: ['block', 'concat'],
    default: 'block',
    description:
      'block: fusion blocks; concat: an ablation in which the streams only meet in the last layers',
  },
  map: {
    enum: ['all', 'topk', 'pseudo', 'margin', 'uniform', 'oracle'],
    default: 'all',
    description:
      'gradient maps of the base model; all: of the loss of each class; topk: of the most likely ' +
      'classes; pseudo: of the predicted class; margin: of its margin over the next class; ' +
      'uniform: mean over the losses of all classes; oracle: of the true label in training and ' +
      'validation, an upper bound, and pseudo in the exported file',
  },
  mapCount: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.depth,
    default: 3,
    description: 'number of maps of the mode topk',
  },
  normalize: {
    enum: ['rms', 'linf', 'sign', 'frobPerChannel'],
    default: 'rms',
    description: 'scaling of each gradient map',
  },
} as const

const { steps: stepsProperty, stepSize, epsilon } = adversarialProperties

const attackProperties = {
  attacks: {
    type: 'array',
    items: { enum: trainingAttackNames },
    minItems: 1,
    uniqueItems: true,
    default: trainingAttackNames,
    description: 'attacks on the base model; each batch draws one',
  },
  epsilon,
  radius: {
    enum: ['uniform', 'fixed'],
    default: 'uniform',
    description: 'radius of the attacks; uniform: each batch draws it from 0 to epsilon',
  },
  steps: { ...stepsProperty, default: 10, description: 'steps of bim, pgd, and mim' },
  stepSize,
  attackMomentum: {
    type: 'number',
    minimum: 0,
    maximum: optionLimits.factor,
    default: 1,
    description: 'decay factor of the accumulated gradient of mim',
  },
  benign: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 0.2,
    description: 'fraction of each batch, from 0 to 1, that is not attacked',
  },
  crossEntropyWeight: {
    type: 'number',
    minimum: 0,
    maximum: optionLimits.factor,
    default: 0.1,
    description: 'weight of the cross-entropy of the base model on restored images',
  },
  benignWeight: {
    type: 'number',
    minimum: 0,
    maximum: optionLimits.factor,
    default: 1,
    description: 'additional weight of the L1 distance on images that are not attacked',
  },
} as const

const { batchSize, learningRate, warmup, validation, averaging, clipNorm, keep, crop, flip } =
  trainingProperties

/** JSON Schema. Defaults are those of our reading; the paper's are not known. */
export const trnOptions = {
  type: 'object',
  additionalProperties: false,
  required: ['base'],
  properties: {
    base: baseProperty,
    ...networkProperties,
    ...attackProperties,
    epochs: { ...trainingProperties.epochs, default: 60 },
    batchSize,
    learningRate: { ...learningRate, default: 0.001 },
    schedule: { ...trainingProperties.schedule, default: 'cosine', enum: scheduleNames },
    warmup,
    clipNorm,
    averaging: { ...averaging, default: 0 },
    crop: { ...crop, default: 0 },
    flip: { ...flip, default: false },
    validation,
    keep,
  },
} as const satisfies JSONSchema

/** The options after validation. */
export type TrnOptions = FromSchema<typeof trnOptions>
