/** JSON Schemas of the options that attacks on estimated gradients share. */
import type { JSONSchema } from 'json-schema-to-ts'
import { lossSchema } from '../../../core/api/attack.ts'
import { epsilonSchema } from '../../../core/api/plugin.ts'

/** Properties for an attack's `optionsSchema`; read the two lengths with `parseEpsilon`. Each attack states its defaults. */
export const samplingOptions = {
  queries: {
    type: 'integer',
    minimum: 1,
    default: 10_000,
    description:
      "most forward passes of an example; the limit of Ilyas et al.'s code, and of the tables of later score-based attacks",
  },
  samples: {
    type: 'integer',
    minimum: 2,
    multipleOf: 2,
    description: 'queries of one gradient estimate, in pairs of opposite directions',
  },
  sampleDistance: epsilonSchema,
  stepSize: epsilonSchema,
  loss: {
    ...lossSchema,
    default: 'margin',
    description:
      'the loss whose gradient is estimated; cross-entropy flattens where a model is very sure',
  },
  randomStart: {
    type: 'boolean',
    description: 'start at a uniform draw from the ball instead of at the input, for one query',
  },
} as const satisfies Readonly<Record<string, JSONSchema>>
