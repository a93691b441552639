/** Half-precision numbers (IEEE 754 binary16), stored as unsigned integers. */

/** The value of a half-precision number. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The largest half-precision number. */
export const largestHalf = 65504

const numbers = new Float32Array(1)
const words = new Uint32Array(numbers.buffer)

/** The half-precision number nearest to a float32 number, ties to even. */
export function numberToHalf(value: number): number {
  numbers[0] = value
  const word = words[0]!
  const sign = (word >>> 16) & 0x8000
  const magnitude = word & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 65520, halfway to the number that would follow the largest.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // Below 2^-14 numbers are multiples of 2^-24.
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(numbers[0]) * 2 ** 24)
  // 13 bits of the fraction go; the exponent's bias changes from 127 to 15.
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1)
  return sign | ((rounded - 0x38000000) >>> 13)
}

function roundToEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}
