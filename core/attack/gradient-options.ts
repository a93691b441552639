/** JSON Schemas of the options that gradient attacks share; each attack adds its own and states its defaults. */
import type { JSONSchema } from 'json-schema-to-ts'
import { epsilonSchema } from '../threat/epsilon.ts'
import { lossSchema } from './attack-loss.ts'
import { goalSchema, targetSchema } from './targets.ts'

/** Properties for an attack's `optionsSchema`; read `stepSize` with `parseEpsilon`. */
export const gradientOptions = {
  stepSize: {
    ...epsilonSchema,
    description: 'a positive number or a fraction such as "2/255", in the units of the inputs',
  },
  restarts: {
    type: 'integer',
    minimum: 1,
    default: 1,
    description:
      'how often to start anew while not fooled; counts as 1 without a random start or target, where every start is the same',
  },
  loss: lossSchema,
  goal: goalSchema,
  target: targetSchema,
} as const satisfies Readonly<Record<string, JSONSchema>>
