/** Options of all trained defenses. */
import { optionLimits } from '../../../core/api/plugin.ts'
import { scheduleNames, trainingDefaults } from '../../../core/api/training.ts'

/** JSON Schema properties. Defaults are a common recipe for CIFAR-sized images. */
export const trainingProperties = {
  network: {
    type: 'object',
    additionalProperties: false,
    required: ['id'],
    properties: {
      id: { type: 'string', maxLength: optionLimits.name, description: 'id of a network plugin' },
      options: { type: 'object', default: {}, description: 'options of the network plugin' },
    },
    default: { id: 'small-cnn', options: {} },
    description: 'architecture to train',
  },
  epochs: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.rounds,
    default: 10,
    description: 'passes over the training data',
  },
  batchSize: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.batch,
    default: trainingDefaults.batchSize,
    description: 'examples per step',
  },
  learningRate: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: optionLimits.factor,
    default: trainingDefaults.learningRate,
    description: 'largest learning rate of the schedule',
  },
  momentum: {
    type: 'number',
    minimum: 0,
    exclusiveMaximum: 1,
    default: trainingDefaults.momentum,
    description: 'momentum of SGD, from 0 to below 1; 0 disables it',
  },
  nesterov: {
    type: 'boolean',
    default: trainingDefaults.nesterov,
    description: 'use Nesterov momentum',
  },
  weightDecay: {
    type: 'number',
    minimum: 0,
    maximum: optionLimits.factor,
    default: trainingDefaults.weightDecay,
    description: 'coefficient of the L2 penalty on the weights',
  },
  schedule: {
    enum: scheduleNames,
    default: trainingDefaults.schedule,
    description:
      'learning rate over training; cosine: half a cosine down to 0; one-cycle: rises over the ' +
      'first 30 %, then falls to 0; step: divided by 10 at half and at three quarters; constant: ' +
      'no change',
  },
  warmup: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: trainingDefaults.warmup,
    description: 'fraction of training, from 0 to 1, over which the learning rate rises',
  },
  crop: {
    type: 'integer',
    minimum: 0,
    maximum: optionLimits.margin,
    default: trainingDefaults.augmentation.crop,
    description: 'zero padding in pixels before a random crop; 0 disables cropping',
  },
  flip: {
    type: 'boolean',
    default: trainingDefaults.augmentation.flip,
    description: 'flip images horizontally at random',
  },
  validation: {
    type: 'integer',
    minimum: 0,
    maximum: optionLimits.examples,
    default: 500,
    description: 'training examples held out to measure progress',
  },
  averaging: {
    type: 'number',
    minimum: 0,
    exclusiveMaximum: 1,
    default: trainingDefaults.averaging,
    description:
      'decay per step, from 0 to below 1, of the running average of weights that becomes the ' +
      'model; 0 uses the final weights',
  },
  swaFrom: {
    type: 'number',
    minimum: 0,
    exclusiveMaximum: 1,
    description:
      'stochastic weight averaging: the model is the mean of the weights after each epoch from ' +
      'this fraction of training on; replaces `averaging`; default: off',
  },
  milestones: {
    type: 'array',
    items: { type: 'number', minimum: 0, maximum: 1 },
    maxItems: 100,
    description:
      'fractions of training at which the learning rate is divided by 10; replaces `schedule`',
  },
  clipNorm: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: optionLimits.factor,
    description: 'largest L2 norm of the gradient of all weights; default: no limit',
  },
  keep: {
    enum: ['last', 'best'],
    default: 'last',
    description:
      'weights that become the model; last: of the last epoch; best: of the epoch with the ' +
      'highest robust accuracy on the held-out examples (clean accuracy for standard training)',
  },
} as const
