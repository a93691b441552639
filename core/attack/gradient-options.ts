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

/** The same for an attack with momentum, whose steps together just reach epsilon unless `stepSize` says otherwise. */
export const momentumOptions = {
  ...gradientOptions,
  steps: { type: 'integer', minimum: 1, default: 10, description: 'gradient steps a restart' },
  stepSize: {
    ...gradientOptions.stepSize,
    description: 'a positive number or a fraction such as "2/255"; epsilon / steps if left out',
  },
  momentum: {
    type: 'number',
    minimum: 0,
    default: 1,
    description: 'decay factor of the accumulated gradient; 0 keeps none',
  },
  randomStart: {
    type: 'boolean',
    default: false,
    description: 'start each restart at a uniform draw from the ball instead of at the input',
  },
} as const satisfies Readonly<Record<string, JSONSchema>>

/** The same for an attack whose points are meant to fool other models, too. */
export const transferableOptions = {
  ...momentumOptions,
  stopWhenFooled: {
    type: 'boolean',
    default: true,
    description:
      'false: go on after the model is fooled, and answer with the fooling point of the highest loss, which transfers better',
  },
} as const satisfies Readonly<Record<string, JSONSchema>>
