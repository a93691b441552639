/** What the host does with attribute transforms: it checks an attack's evidence, and repeats the transform. */
import { ConfigError } from '../base/errors.ts'
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { attributeNames, attributes } from './attributes.ts'
import type { AttributeName } from './attributes.ts'
import { missingColors } from './attributes/expression.ts'
import { AttributeSession } from './attributes/session.ts'
import type { AttributeEvidence } from './evidence.ts'
import type { AttributeRanges, AttributeTransform } from './threat-model.ts'

/**
 * T(x) of each input by its own values: the same bits whatever other inputs there are, and as attacks get them from an
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
 * What breaks the form or the limits, in words; undefined if nothing does. Limits are those of the ranges, rounded to float32 as values are.
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
      return `"${key}" is no attribute (there are: ${attributeNames.join(', ')})`
    }
    if (!(values instanceof Float32Array) || values.length !== shape[0]) {
      return `expected a Float32Array of ${shape[0]} values of the attribute "${key}", one for each example, got ${describe(values)}`
    }
    const { neutral } = attributes[key]
    const [low, high] = transform.ranges[key] ?? [neutral, neutral]
    const at = values.findIndex(
      (value) => !(value >= Math.fround(low) && value <= Math.fround(high)),
    )
    if (at >= 0) {
      const permitted = transform.ranges[key] ? `permits ${low} to ${high}` : 'does not permit it'
      return `the attribute "${key}" is ${values[at]} in row ${at}, but the threat model ${permitted}`
    }
  }
  return undefined
}

/**
 * What is wrong with the ranges of a threat model, in words; undefined if nothing is.
 * @param shape of the inputs `[n, c, h, w]`: hue and saturation are for images of red, green and blue
 */
export function checkAttributeRanges(
  ranges: AttributeRanges,
  shape: readonly number[],
): string | undefined {
  for (const [key, range] of Object.entries(ranges)) {
    if (!isAttribute(key)) {
      return `"${key}" is no attribute (there are: ${attributeNames.join(', ')})`
    }
    const [low, high] = range
    const { neutral } = attributes[key]
    if (!(Number.isFinite(low) && Number.isFinite(high) && low <= neutral && neutral <= high)) {
      return `the range of the attribute "${key}" must be finite and hold its neutral value ${neutral}, got ${low} to ${high}`
    }
    if (key === 'scale' && Math.fround(low) <= 0) {
      return `the range of the attribute "scale" must lie above 0, got ${low} to ${high}`
    }
  }
  return missingColors(rangedAttributes(ranges), shape)
}

/** The attributes of a threat model, in the order in which they are applied. */
export function rangedAttributes(ranges: AttributeRanges): AttributeName[] {
  return attributeNames.filter((name) => ranges[name] !== undefined)
}

/** @throws ConfigError ROBENCH_CONFIG with what `checkAttributeRanges` says */
export function requireAttributeRanges(ranges: AttributeRanges, shape: readonly number[]): void {
  const problem = checkAttributeRanges(ranges, shape)
  if (problem !== undefined) throw new ConfigError('ROBENCH_CONFIG', problem)
}

function isAttribute(key: string): key is AttributeName {
  return Object.hasOwn(attributes, key)
}

function describe(values: unknown): string {
  return values instanceof Float32Array
    ? `${values.length}`
    : Object.prototype.toString.call(values)
}
