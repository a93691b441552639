/** Directed rounding from float64 to float32, by the bits of the number. */
import { v } from '../engine/tensor/vector-loop.ts'
import type { Term } from '../engine/tensor/vector-loop.ts'

const floats = new Float32Array(1)
const bits = new Int32Array(floats.buffer)

/** Relative upper limit of how much the order of a sum can change it. */
export const sumTolerance = 1e-9

/** The largest float32 below a float32 value (below zero: −2⁻¹⁴⁹); −Infinity and NaN as is. */
export function nextDown(value: number): number {
  return -nextUp(-value)
}

/** The smallest float32 above a float32 value. Returns Infinity and NaN as is. */
export function nextUp(value: number): number {
  if (Number.isNaN(value) || value === Infinity) return value
  // Adding zero turns −0 into +0, whose bits are 0; the next bits are the smallest subnormal.
  floats[0] = value + 0
  bits[0]! += floats[0] >= 0 ? 1 : -1
  return floats[0]
}

/** The largest float32 that is not above a float64 value. */
export function roundDown(value: number): number {
  const nearest = Math.fround(value)
  return nearest > value ? nextDown(nearest) : nearest
}

/** The smallest float32 that is not below a float64 value. */
export function roundUp(value: number): number {
  const nearest = Math.fround(value)
  return nearest < value ? nextUp(nearest) : nearest
}

/**
 * For vector loops: rounds a value to the adjacent float32 in the direction of `center`, itself a
 * float32. A float32 value is unchanged. Only for values that round to finite ones.
 */
export function roundToward(value: Term, center: Term): Term {
  const nearest = v.round(value)
  const outward = v.select(v.less(center, value), 1, -1)
  // Between 0.5 and 1.5 units in the last place, so that rounding gives the neighbor.
  const aboutUnit = v.max(v.mul(v.abs(nearest), 1.25 * 2 ** -24), 1.25 * 2 ** -150)
  const neighbor = v.round(v.sub(nearest, v.mul(outward, aboutUnit)))
  return v.select(v.less(0, v.mul(outward, v.sub(nearest, value))), neighbor, nearest)
}
