/** Options that every trained defense has. */
import { scheduleNames, trainingDefaults } from '../../../core/api/training.ts'

/** JSON Schema properties; defaults are a common recipe for CIFAR-sized images. */
export const trainingProperties = {
  network: {
    type: 'object',
    additionalProperties: false,
    required: ['id'],
    properties: {
      id: { type: 'string', description: 'A network plugin.' },
      options: { type: 'object', default: {} },
    },
    default: { id: 'small-cnn', options: {} },
    description: 'The architecture, and its options.',
  },
  epochs: { type: 'integer', minimum: 1, default: 10 },
  batchSize: { type: 'integer', minimum: 1, default: trainingDefaults.batchSize },
  learningRate: { type: 'number', exclusiveMinimum: 0, default: trainingDefaults.learningRate },
  momentum: { type: 'number', minimum: 0, exclusiveMaximum: 1, default: trainingDefaults.momentum },
  nesterov: { type: 'boolean', default: trainingDefaults.nesterov },
  weightDecay: { type: 'number', minimum: 0, default: trainingDefaults.weightDecay },
  schedule: { enum: scheduleNames, default: trainingDefaults.schedule },
  warmup: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: trainingDefaults.warmup,
    description: 'First fraction of training with a rising rate.',
  },
  crop: {
    type: 'integer',
    minimum: 0,
    default: trainingDefaults.augmentation.crop,
    description: 'Zero padding before a random crop; 0 for none.',
  },
  flip: {
    type: 'boolean',
    default: trainingDefaults.augmentation.flip,
    description: 'Random mirror images.',
  },
  validation: {
    type: 'integer',
    minimum: 0,
    default: 500,
    description: 'Training examples held out to watch progress.',
  },
  averaging: {
    type: 'number',
    minimum: 0,
    exclusiveMaximum: 1,
    default: trainingDefaults.averaging,
    description:
      'Decay per step of the running average of weights that becomes the model; 0 for the last weights.',
  },
} as const
