/** Sizes of perturbations as people write them: `0.03`, `"0.03"` or `"8/255"`. */
import type { JSONSchema } from 'json-schema-to-ts'
import { ConfigError } from '../base/errors.ts'

// A decimal number, or two of them with a slash between.
const pattern = String.raw`^\s*\d+(\.\d+)?([eE][-+]?\d+)?\s*(/\s*\d+(\.\d+)?([eE][-+]?\d+)?\s*)?$`
const fraction = new RegExp(pattern)

/** JSON Schema of a size that `parseEpsilon` reads: a positive number, or text with a number or a fraction. */
export const epsilonSchema = {
  anyOf: [
    { type: 'number', exclusiveMinimum: 0 },
    { type: 'string', pattern },
  ],
} as const satisfies JSONSchema

/**
 * The number that a size stands for, in the units of the inputs.
 * @param name what the error calls it: an option's name or a place in a file.
 * @throws ConfigError ROBENCH_CONFIG unless it is finite and above zero.
 */
export function parseEpsilon(value: unknown, name = 'epsilon'): number {
  const number = typeof value === 'string' ? fromText(value) : value
  if (typeof number === 'number' && Number.isFinite(number) && number > 0) return number
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${name}: expected a positive number or a fraction such as "8/255", got ${shown(value)}`,
  )
}

function fromText(text: string): number {
  if (!fraction.test(text)) return Number.NaN
  const [numerator, denominator = '1'] = text.split('/')
  return Number(numerator) / Number(denominator)
}

/** JSON would print NaN and Infinity as null. */
function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing')
}
