/** Directed rounding from float64 to float32, by the bits of the number. */

const floats = new Float32Array(1)
const bits = new Int32Array(floats.buffer)

/** The largest float32 below a float32 value, which is −2⁻¹⁴⁹ below zero; −Infinity and NaN stay. */
export function nextDown(value: number): number {
  return -nextUp(-value)
}

/** The smallest float32 above a float32 value; +Infinity and NaN stay. */
export function nextUp(value: number): number {
  if (Number.isNaN(value) || value === Infinity) return value
  // Adding zero turns −0 into +0, whose bits are 0 and so count up to the smallest subnormal.
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
