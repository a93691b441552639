/** The options that say which frequencies an attack works in, and how. */
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import { gradientOptions } from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import { ConfigError } from '../../../core/api/plugin.ts'
import type { RadialBand } from '../../../core/api/transforms.ts'
import { defaultRadius, radiusOfKeptEnergy } from './frequency-band.ts'

const radiusSchema = {
  type: 'number',
  minimum: 0,
  description:
    'cut-off in bins of the Fourier transform; a quarter of the shorter side if left out (8 for 32×32)',
} as const satisfies JSONSchema

const outerRadiusSchema = {
  type: 'number',
  exclusiveMinimum: 0,
  description: 'with band "band": where it ends; three times the radius if left out',
} as const satisfies JSONSchema

const bandSchema = {
  enum: ['high', 'low', 'band'],
  description: 'from the radius on; below it; or between radius and outerRadius',
} as const satisfies JSONSchema

/** Properties for an attack's `optionsSchema`: those of pgd, and what the filter does. */
export const frequencyOptions = {
  ...gradientOptions,
  steps: { type: 'integer', minimum: 1, default: 20, description: 'gradient steps a restart' },
  stepSize: {
    ...gradientOptions.stepSize,
    description: 'a positive number or a fraction such as "2/255"; epsilon / 4 if left out',
  },
  randomStart: {
    type: 'boolean',
    default: true,
    description: 'start each restart at a uniform draw from the ball instead of at the input',
  },
  variant: {
    enum: ['perturbation', 'emphasis', 'high-pass-only'],
    default: 'perturbation',
    description:
      "perturbation: x′ − x keeps to the band; emphasis: the band of the example is raised by `strength` times itself; high-pass-only: nothing but the band is left. The last two are projected onto the ball, which leaves little of high-pass-only's look",
  },
  strength: {
    type: 'number',
    minimum: 0,
    default: 1,
    description: 'κ of the variant emphasis: x + κ·F(x)',
  },
  mask: {
    enum: ['ideal', 'gaussian', 'butterworth'],
    default: 'ideal',
    description: 'how the mask changes at the radius: at once or gradually',
  },
  order: {
    type: 'integer',
    minimum: 1,
    default: 2,
    description: 'of the Butterworth mask: the larger, the steeper',
  },
  radius: radiusSchema,
  keptEnergy: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: 1,
    description:
      "instead of a radius: the smallest whole one below which lies that share of the data set's spectral energy",
  },
} as const satisfies Readonly<Record<string, JSONSchema>>

/** Properties that choose one band. */
export const bandOptions = {
  band: { ...bandSchema, default: 'high' },
  outerRadius: outerRadiusSchema,
} as const satisfies Readonly<Record<string, JSONSchema>>

/** JSON Schema of a list of bands. */
export const bandListSchema = {
  type: 'array',
  minItems: 1,
  uniqueItems: true,
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['band'],
    properties: { band: bandSchema, radius: radiusSchema, outerRadius: outerRadiusSchema },
  },
  description:
    'in the order in which they are tried on what is left; if left out: high, low, and from half the radius to one and a half',
} as const satisfies JSONSchema

type Mask = Required<Pick<RadialBand, 'mask' | 'order'>>
export type BandChoice = FromSchema<typeof bandListSchema>[number]

/** The radius that options state, or that the data set's energy gives, or else a quarter of the shorter side. @throws ConfigError if they state both. */
export function radiusFrom(
  task: AttackTask,
  { radius, keptEnergy }: { readonly radius?: number; readonly keptEnergy?: number },
): number {
  if (radius !== undefined && keptEnergy !== undefined) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `expected radius or keptEnergy, got both (${radius} and ${keptEnergy}); leave one out`,
    )
  }
  if (keptEnergy !== undefined) return radiusOfKeptEnergy(task, keptEnergy)
  return radius ?? defaultRadius(task)
}

/** A band with its outer radius filled in. @param radius where the choice has none of its own */
export function bandFrom(
  { mask, order }: Mask,
  { band, radius: own, outerRadius }: BandChoice,
  radius: number,
): RadialBand {
  const inner = own ?? radius
  const outer = outerRadius ?? (band === 'band' ? 3 * inner : undefined)
  return { mask, order, band, radius: inner, ...(outer !== undefined && { outerRadius: outer }) }
}
