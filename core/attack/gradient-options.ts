/** JSON Schemas of the options that gradient attacks share. */
import type { JSONSchema } from 'json-schema-to-ts'
import { optionLimits } from '../base/option-limits.ts'
import { epsilonSchema } from '../threat/epsilon.ts'
import { lossSchema } from './attack-loss.ts'
import { goalSchema, targetSchema } from './targets.ts'

/**
 * Properties for an attack's `optionsSchema`. Each attack adds its own and states its defaults.
 * Parse `stepSize` with `parseEpsilon`.
 */
export const gradientOptions = {
  stepSize: {
    ...epsilonSchema,
    description: 'a positive number or a fraction such as "2/255", in the units of the inputs',
  },
  restarts: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.rounds,
    default: 1,
    description:
      'maximum number of starts until the model is fooled; reduced to 1 without a random start ' +
      'or target, where all starts are the same',
  },
  loss: lossSchema,
  goal: goalSchema,
  target: targetSchema,
} as const satisfies Readonly<Record<string, JSONSchema>>
