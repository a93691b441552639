/** Natural attributes of an image, such as rotation and hue, changed within ranges. */
import { optionLimits } from '../../base/option-limits.ts'
import { ConfigError } from '../../base/errors.ts'
import { hashJson } from '../../base/hash.ts'
import { sizeOf, tensor } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { attributeNames, attributes } from '../attributes.ts'
import type { AttributeName } from '../attributes.ts'
import { missingColors } from '../attributes/expression.ts'
import { AttributeSession } from '../attributes/session.ts'
import { formatEpsilon } from '../epsilon.ts'
import type { TransformProblem, TransformRecord } from './transform-record.ts'

/** T(x) changes natural attributes of the image; attributes that are not named do not change. */
export interface AttributeTransform {
  readonly kind: 'attribute'
  readonly ranges: AttributeRanges
}

/** The lowest and highest value per attribute, in its unit; contains the neutral value. */
export type AttributeRanges = Readonly<
  Partial<Record<AttributeName, readonly [low: number, high: number]>>
>

/** The parameters of T that an attack used for each example. */
export interface AttributeEvidence {
  readonly kind: 'attribute'
  /** Each `[n]`, float32 in the attribute's unit; attributes that are not named are neutral. */
  readonly values: Readonly<Partial<Record<AttributeName, Float32Array>>>
}

const range = {
  type: 'array',
  items: { type: 'number', minimum: -optionLimits.factor, maximum: optionLimits.factor },
  minItems: 2,
  maxItems: 2,
  description: 'a pair of numbers, lowest and highest value',
} as const

/** See `AttributeTransform`. */
export const attributeKind = {
  kind: 'attribute',
  adversarial: true,
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['kind', 'ranges'],
    properties: {
      kind: { const: 'attribute' },
      ranges: {
        type: 'object',
        additionalProperties: false,
        minProperties: 1,
        properties: Object.fromEntries(attributeNames.map((attribute) => [attribute, range])),
      },
    },
  },
  example: '{"kind": "attribute", "ranges": {"rotation": [-30, 30]}}',
  check: ({ ranges }: AttributeTransform, shape?) =>
    findNeutralOutside(ranges) ?? (shape && findImpossibleRange(ranges, shape)),
  checkEvidence: (transform: AttributeTransform, evidence: AttributeEvidence, shape) =>
    checkAttributeEvidence(transform, evidence, shape),
  apply: (inputs: FloatTensor, evidence: AttributeEvidence, { bounds }) =>
    applyAttributeTransform(inputs, evidence, bounds),
  describe: ({ ranges }: AttributeTransform) => ({
    title: `attributes (${describeRanges(ranges)})`,
    phrase: `change natural attributes of an image (${describeRanges(ranges)})`,
  }),
  // Eight digits of a hash: the ranges themselves are too long for a name.
  slug: ({ ranges }: AttributeTransform) => `attribute-${hashJson(ranges).slice(0, 8)}`,
} as const satisfies TransformRecord<AttributeTransform, AttributeEvidence>

/**
 * T(x) of each input with its own values: the same bits in any batch, and the same as from an
 * `AttributeSession` with the same attributes.
 * @param inputs `[n, c, h, w]`
 * @throws ConfigError ROBENCH_CONFIG for attributes that such images do not have
 */
export async function applyAttributeTransform(
  inputs: FloatTensor,
  evidence: AttributeEvidence,
  bounds: readonly [low: number, high: number],
): Promise<FloatTensor> {
  const [count = 0, channels = 1, height = 1, width = 1] = inputs.shape
  const shape = [channels, height, width] as const
  const size = sizeOf(shape)
  const names = attributeNames.filter((name) => evidence.values[name] !== undefined)
  const output = new Float32Array(inputs.data.length)
  const session = new AttributeSession({ shape, names, bounds })
  try {
    for (let row = 0; row < count; row++) {
      const image = inputs.data.subarray(row * size, (row + 1) * size)
      const values = names.map((name) => evidence.values[name]![row]!)
      output.set(await session.apply(image, values), row * size)
    }
  } finally {
    await session.release()
  }
  return tensor('float32', inputs.shape, output)
}

/**
 * Describes the first mistake in the evidence; undefined if it is valid. The limits are those of
 * the ranges, rounded to float32.
 * @param shape of the inputs `[n, c, h, w]`
 */
export function checkAttributeEvidence(
  transform: AttributeTransform,
  evidence: AttributeEvidence,
  shape: readonly number[],
): string | undefined {
  const problem = checkAttributeRanges(transform.ranges, shape)
  if (problem !== undefined) return problem
  for (const [key, values] of Object.entries(evidence.values)) {
    if (!isAttribute(key)) {
      return unknownAttribute(key)
    }
    if (!(values instanceof Float32Array) || values.length !== shape[0]) {
      return (
        `expected a Float32Array of ${shape[0]} values of the attribute "${key}", ` +
        `one for each example, got ${describeValues(values)}`
      )
    }
    const { neutral } = attributes[key]
    const [low, high] = transform.ranges[key] ?? [neutral, neutral]
    const at = values.findIndex(
      (value) => !(value >= Math.fround(low) && value <= Math.fround(high)),
    )
    if (at >= 0) {
      const permitted = transform.ranges[key] ? `permits ${low} to ${high}` : 'does not permit it'
      return (
        `the attribute "${key}" is ${values[at]} in row ${at}, ` +
        `but the threat model ${permitted}`
      )
    }
  }
  return undefined
}

/**
 * Describes the first mistake in the ranges of a threat model; undefined if they are valid.
 * @param shape of the inputs `[n, c, h, w]`: hue and saturation require red, green and blue
 */
export function checkAttributeRanges(
  ranges: AttributeRanges,
  shape: readonly number[],
): string | undefined {
  for (const [key, range] of Object.entries(ranges)) {
    if (!isAttribute(key)) {
      return unknownAttribute(key)
    }
    const [low, high] = range
    const { neutral } = attributes[key]
    if (!(Number.isFinite(low) && Number.isFinite(high) && low <= neutral && neutral <= high)) {
      return (
        `the range of the attribute "${key}" must be finite and contain its neutral value ` +
        `${neutral}, got ${low} to ${high}`
      )
    }
    if (key === 'scale' && Math.fround(low) <= 0) {
      return `the range of the attribute "scale" must be above 0, got ${low} to ${high}`
    }
  }
  return missingColors(rangedAttributes(ranges), shape)
}

/** The attributes that have a range, in the order in which they are applied. */
export function rangedAttributes(ranges: AttributeRanges): AttributeName[] {
  return attributeNames.filter((name) => ranges[name] !== undefined)
}

/** @throws ConfigError ROBENCH_CONFIG with the text of `checkAttributeRanges` */
export function requireAttributeRanges(ranges: AttributeRanges, shape: readonly number[]): void {
  const problem = checkAttributeRanges(ranges, shape)
  if (problem !== undefined) throw new ConfigError('ROBENCH_CONFIG', problem)
}

function isAttribute(key: string): key is AttributeName {
  return Object.hasOwn(attributes, key)
}

function unknownAttribute(key: string): string {
  return `unknown attribute "${key}" (there are: ${attributeNames.join(', ')})`
}

function describeValues(values: unknown): string {
  return values instanceof Float32Array
    ? `${values.length}`
    : Object.prototype.toString.call(values)
}

/** The attacker may always leave the image unchanged: each range contains the neutral value. */
function findNeutralOutside(ranges: AttributeRanges): TransformProblem | undefined {
  for (const name of rangedAttributes(ranges)) {
    const [low, high] = ranges[name]!
    const { neutral, unit } = attributes[name]
    if (low <= neutral && neutral <= high) continue
    return {
      pointer: `/ranges/${name}`,
      message:
        `expected a range that contains ${neutral}, which does not change the image (${unit}); ` +
        `got [${low}, ${high}]`,
    }
  }
  return undefined
}

function findImpossibleRange(
  ranges: AttributeRanges,
  shape: readonly number[],
): TransformProblem | undefined {
  const message = checkAttributeRanges(ranges, shape)
  return message === undefined ? undefined : { pointer: '/ranges', message }
}

/** The name of each attribute in reports, and the unit that follows its value. */
const attributeWords = {
  rotation: { name: 'rotation', unit: '°' },
  scale: { name: 'scale', unit: '' },
  translationX: { name: 'horizontal shift', unit: ' px' },
  translationY: { name: 'vertical shift', unit: ' px' },
  hue: { name: 'hue', unit: '°' },
  saturation: { name: 'saturation', unit: '' },
  contrast: { name: 'contrast', unit: '' },
  brightness: { name: 'brightness', unit: '' },
} as const satisfies Record<AttributeName, { readonly name: string; readonly unit: string }>

/** In the order in which they are applied: `rotation ±10°, scale 0.9 to 1.1`. */
function describeRanges(ranges: AttributeRanges): string {
  return rangedAttributes(ranges)
    .map((attribute) => {
      const { name, unit } = attributeWords[attribute]
      return `${name} ${formatRange(ranges[attribute]!)}${unit}`
    })
    .join(', ')
}

function formatRange([low, high]: readonly [low: number, high: number]): string {
  return low === -high && high > 0
    ? `±${formatEpsilon(high)}`
    : `${formatSigned(low)} to ${formatSigned(high)}`
}

function formatSigned(value: number): string {
  return value < 0 ? `−${formatEpsilon(-value)}` : formatEpsilon(value)
}
