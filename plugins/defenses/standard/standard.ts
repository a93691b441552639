/** Undefended training: the baseline of every table. */
import { defineDefense } from '../../../core/api/plugin.ts'
import { trainClassifier } from '../training/train-classifier.ts'
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
    version: 1,
    title: 'Standard training (undefended)',
    provenance: 'own',
    trains: true,
    optionsSchema,
    optionRoles: { network: 'network' },
  },
  prepare: (context) => trainClassifier(context, 'standard@1'),
})
