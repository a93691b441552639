/** Options that every trained defense has. */
import { scheduleNames } from '../../../core/api/training.ts'

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
  batchSize: { type: 'integer', minimum: 1, default: 128 },
  learningRate: { type: 'number', exclusiveMinimum: 0, default: 0.1 },
  momentum: { type: 'number', minimum: 0, exclusiveMaximum: 1, default: 0.9 },
  nesterov: { type: 'boolean', default: true },
  weightDecay: { type: 'number', minimum: 0, default: 0.0005 },
  schedule: { enum: scheduleNames, default: 'one-cycle' },
  warmup: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'First fraction of training with a rising rate.',
  },
  crop: {
    type: 'integer',
    minimum: 0,
    default: 4,
    description: 'Zero padding before a random crop; 0 for none.',
  },
  flip: { type: 'boolean', default: true, description: 'Random mirror images.' },
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
    default: 0.995,
    description:
      'Decay per step of the running average of weights that becomes the model; 0 for the last weights.',
  },
} as const
