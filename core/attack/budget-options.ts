/** JSON Schemas of the budgets that the attacks of AutoAttack share; the defaults are those of its standard version. */
import type { JSONSchema } from 'json-schema-to-ts'

/** Properties for an attack's `optionsSchema`. */
export const budgetOptions = {
  steps: { type: 'integer', minimum: 1, default: 100, description: 'gradient steps a restart' },
  restarts: {
    type: 'integer',
    minimum: 1,
    default: 1,
    description: 'how often to start anew while not fooled; with targets, for each of them',
  },
  targets: {
    type: 'integer',
    minimum: 1,
    default: 9,
    description: 'how many of the likeliest wrong classes to go for; cut to those there are',
  },
  samples: {
    type: 'integer',
    minimum: 1,
    default: 1,
    description: 'passes whose mean counts, for models that answer at random (EOT)',
  },
} as const satisfies Readonly<Record<string, JSONSchema>>
