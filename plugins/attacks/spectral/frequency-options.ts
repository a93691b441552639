/** Options that choose the frequencies of an attack and how the filter is used. */
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import { gradientOptions } from '../../../core/api/attack.ts'
import type { AttackTask } from '../../../core/api/attack.ts'
import { ConfigError, optionLimits } from '../../../core/api/plugin.ts'
import type { RadialBand } from '../../../core/api/transforms.ts'
import { defaultRadius, radiusOfKeptEnergy } from './frequency-band.ts'

const radiusSchema = {
  type: 'number',
  minimum: 0,
  maximum: optionLimits.pixels,
  description:
    'cut-off radius in bins of the Fourier transform; default: a quarter of the shorter side (8 ' +
    'for 32 × 32)',
} as const satisfies JSONSchema

const outerRadiusSchema = {
  type: 'number',
  exclusiveMinimum: 0,
  maximum: optionLimits.pixels,
  description: 'band "band" only: outer radius in bins; default: three times the radius',
} as const satisfies JSONSchema

const bandSchema = {
  enum: ['high', 'low', 'band'],
  description:
    'high: frequencies at or above the radius; low: below it; band: between radius and outerRadius',
} as const satisfies JSONSchema

/** Properties for an attack's `optionsSchema`: those of `pgd` and those of the filter. */
export const frequencyOptions = {
  ...gradientOptions,
  steps: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.steps,
    default: 20,
    description: 'gradient steps per restart',
  },
  stepSize: {
    ...gradientOptions.stepSize,
    description:
      'length of a step, a positive number or a fraction such as "2/255"; default: epsilon / 4',
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
      'perturbation: x′ − x is limited to the band; emphasis: the band of the image is amplified ' +
      'by 1 + `strength`; high-pass-only: the image is reduced to the band. The last two are ' +
      'projected onto the ball, which removes most of the effect of high-pass-only',
  },
  projection: {
    enum: ['alternating', 'rescale'],
    default: 'alternating',
    description:
      'variant perturbation in Linf only, how x′ − x returns to band and ball after a step: ' +
      'alternating (mask ideal only): clip and filter in turn, then scale; rescale: clip and ' +
      'filter once, then scale, which shrinks the whole perturbation by its largest component',
  },
  strength: {
    type: 'number',
    minimum: 0,
    maximum: optionLimits.factor,
    default: 1,
    description: 'variant emphasis only: κ in x + κ·F(x), 0 or more',
  },
  mask: {
    enum: ['ideal', 'gaussian', 'butterworth'],
    default: 'ideal',
    description: 'shape of the mask at the radius: ideal is a step, the others change gradually',
  },
  order: {
    type: 'integer',
    minimum: 1,
    maximum: optionLimits.margin,
    default: 2,
    description: 'mask butterworth only: order of the filter; larger is steeper',
  },
  radius: radiusSchema,
  keptEnergy: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: 1,
    description:
      'alternative to radius: use the smallest integer radius below which this fraction of the ' +
      "data set's spectral energy lies, above 0 and at most 1",
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
  maxItems: 100,
  uniqueItems: true,
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['band'],
    properties: { band: bandSchema, radius: radiusSchema, outerRadius: outerRadiusSchema },
  },
  description:
    'bands in the order in which they attack the examples that the full band leaves; default: low ' +
    'and high at 0.5, 1, and 1.5 times the radius, and the bands between these radii',
} as const satisfies JSONSchema

type Mask = Required<Pick<RadialBand, 'mask' | 'order'>>
/** A band as options write it. */
export type BandChoice = FromSchema<typeof bandListSchema>[number]

/**
 * The radius: `radius` if given, else from `keptEnergy` if given, else `defaultRadius`.
 * @throws ConfigError ROBENCH_CONFIG if both are given
 */
export function radiusFrom(
  task: AttackTask,
  { radius, keptEnergy }: { readonly radius?: number; readonly keptEnergy?: number },
): number {
  if (radius !== undefined && keptEnergy !== undefined) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `expected radius or keptEnergy, got both (${radius} and ${keptEnergy}); remove one`,
    )
  }
  if (keptEnergy !== undefined) return radiusOfKeptEnergy(task, keptEnergy)
  return radius ?? defaultRadius(task)
}

/** Fills in the radii of a band. @param radius used if the choice has none */
export function bandFrom(
  { mask, order }: Mask,
  { band, radius: own, outerRadius }: BandChoice,
  radius: number,
): RadialBand {
  const inner = own ?? radius
  const outer = outerRadius ?? (band === 'band' ? 3 * inner : undefined)
  return { mask, order, band, radius: inner, ...(outer !== undefined && { outerRadius: outer }) }
}
