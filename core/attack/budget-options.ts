/** JSON Schemas of the budget options shared by AutoAttack's attacks. */
import type { JSONSchema } from 'json-schema-to-ts'
import { optionLimits } from '../base/option-limits.ts'

/**
 * Properties for an attack's `optionsSchema`. The defaults are those of AutoAttack's standard
 * version.
 */
export const budgetOptions = {
  steps: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.steps,
    default: 100,
    description: 'gradient steps per restart',
  },
  restarts: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.rounds,
    default: 1,
    description:
      'maximum number of starts until the model is fooled; per target for targeted attacks',
  },
  targets: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.classes,
    default: 9,
    description: 'number of likeliest wrong classes to target; at most all wrong classes',
  },
  samples: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.samples,
    default: 1,
    description: 'passes to average, for stochastic models (EOT)',
  },
} as const satisfies Readonly<Record<string, JSONSchema>>
