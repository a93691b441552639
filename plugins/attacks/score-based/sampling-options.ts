/** Options shared by the attacks that estimate gradients. */
import type { JSONSchema } from 'json-schema-to-ts'
import { lossSchema } from '../../../core/api/attack.ts'
import { epsilonSchema, optionLimits } from '../../../core/api/plugin.ts'

/**
 * Properties for an attack's `optionsSchema`. Each attack adds its own defaults and reads
 * `sampleDistance` and `stepSize` with `parseEpsilon`.
 */
export const samplingOptions = {
  queries: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.queries,
    default: 10_000,
    description:
      'most forward passes per example; the default is the limit in the code of Ilyas et al. ' +
      '2018 and in the tables of later score-based attacks',
  },
  samples: {
    type: 'integer',
    minimum: 2,
    maximum: optionLimits.samples,
    multipleOf: 2,
    description: 'queries per gradient estimate, in pairs of opposite directions; even',
  },
  sampleDistance: epsilonSchema,
  stepSize: epsilonSchema,
  loss: {
    ...lossSchema,
    default: 'margin',
    description:
      'loss whose gradient is estimated; cross-entropy becomes flat where a model is very ' +
      'confident',
  },
  randomStart: {
    type: 'boolean',
    description: 'start at a uniform draw from the ball instead of at the input; costs one query',
  },
} as const satisfies Readonly<Record<string, JSONSchema>>
