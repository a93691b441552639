/** Sizes of perturbations in text: `0.03`, `"0.03"` or `"8/255"`. */
import type { JSONSchema } from 'json-schema-to-ts'
import { ConfigError } from '../base/errors.ts'
import { optionLimits } from '../base/option-limits.ts'

// A decimal number, or two of them separated by a slash.
const pattern = String.raw`^\s*\d+(\.\d+)?([eE][-+]?\d+)?\s*(/\s*\d+(\.\d+)?([eE][-+]?\d+)?\s*)?$`
const fraction = new RegExp(pattern)

/** JSON Schema of what `parseEpsilon` accepts: a positive number, or a fraction as text. */
export const epsilonSchema = {
  anyOf: [
    { type: 'number', exclusiveMinimum: 0, maximum: optionLimits.size },
    { type: 'string', pattern, maxLength: 100 },
  ],
} as const satisfies JSONSchema

/**
 * A size as a number, in the units of the inputs.
 * @param name the option or the place in a file, for the error
 * @throws ConfigError ROBENCH_CONFIG unless it is above zero and at most 1e9.
 */
export function parseEpsilon(value: unknown, name = 'epsilon'): number {
  const number = typeof value === 'string' ? fromText(value) : value
  if (typeof number === 'number' && Number.isFinite(number) && number > optionLimits.size) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${name}: expected at most ${optionLimits.size}, got ${shown(value)}`,
    )
  }
  if (typeof number === 'number' && Number.isFinite(number) && number > 0) return number
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${name}: expected a positive number or a fraction such as "8/255", got ${shown(value)}`,
  )
}

/**
 * A size as text: `0.1` where a decimal of at most four significant digits is exact, `8/255` where
 * it is a multiple of 1/255 (to 1e-9), else a decimal rounded to six significant digits.
 */
export function formatEpsilon(epsilon: number): string {
  const short = Number(epsilon.toPrecision(4))
  const steps = Math.round(epsilon * 255)
  if (short !== epsilon && steps > 0 && Math.abs(epsilon - steps / 255) < 1e-9)
    return `${steps}/255`
  return String(short === epsilon ? short : Number(epsilon.toPrecision(6)))
}

/** A size as a part of a directory name: `8-255`, `0.1`. */
export function epsilonSlug(epsilon: number): string {
  return formatEpsilon(epsilon).replace('/', '-')
}

function fromText(text: string): number {
  if (!fraction.test(text)) return Number.NaN
  const [numerator, denominator = '1'] = text.split('/')
  return Number(numerator) / Number(denominator)
}

/** Formats a value as JSON, shortened, but keeps NaN and Infinity. */
function shown(value: unknown): string {
  if (typeof value === 'number') return String(value)
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
