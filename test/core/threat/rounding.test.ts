/** Directed rounding brackets every float64 by neighboring float32 values. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { vectorLoop } from '../../../core/engine/tensor/vector-loop.ts'
import { nextDown, nextUp, roundDown, roundToward, roundUp } from '../../../core/threat/rounding.ts'

const value = fc.oneof(
  fc.double({ min: -1e38, max: 1e38, noNaN: true }),
  fc.double({ min: -2, max: 2, noNaN: true }),
  fc.double({ min: -1e-40, max: 1e-40, noNaN: true }),
)

test('rounding down and up returns the float32 values around a number', () => {
  fc.assert(
    fc.property(value, (number) => {
      const [down, up] = [roundDown(number), roundUp(number)]
      expect(Math.fround(down)).toBe(down)
      expect(Math.fround(up)).toBe(up)
      expect(down).toBeLessThanOrEqual(number)
      expect(up).toBeGreaterThanOrEqual(number)
      if (down !== up) expect(nextUp(down) + 0).toBe(up + 0)
    }),
    { numRuns: 2000 },
  )
})

test('steps down and up are inverse and pass through zero', () => {
  expect(nextUp(0)).toBe(2 ** -149)
  expect(nextUp(-0)).toBe(2 ** -149)
  expect(nextDown(0)).toBe(-(2 ** -149))
  expect(nextUp(nextDown(0)) + 0).toBe(0)
  expect(nextUp(1)).toBe(1 + 2 ** -23)
  expect(nextDown(1)).toBe(1 - 2 ** -24)
  expect(nextUp(-1)).toBe(-1 + 2 ** -24)
  expect(nextUp(Infinity)).toBe(Infinity)
})

test('rounding of vectors toward a center rounds down or up', () => {
  const loop = vectorLoop({
    arrays: { values: 'float64', centers: 'float32', output: 'float32' },
    body: ({ values, centers }) => ({ writes: { output: roundToward(values, centers) } }),
  })
  const floats = value.map(Math.fround)
  // Also next to float32 values, where the last place changes size, and at the end of the range.
  const near = fc
    .tuple(floats, fc.constantFrom(-1, 1), fc.nat(3))
    .map(([float, sign, many]) => float + sign * many * Math.abs(float) * 2 ** -52)
  const power = fc.integer({ min: -149, max: 126 }).map((exponent) => 2 ** exponent)
  const nearPower = fc
    .tuple(power, fc.constantFrom(-1, 1), fc.double({ min: -1e-7, max: 1e-7, noNaN: true }))
    .map(([float, sign, change]) => sign * float * (1 + change))
  const pair = fc
    .tuple(fc.oneof(value, floats, near, nearPower), floats, fc.boolean())
    .map(([number, center, isNear]) => [number, isNear ? Math.fround(number) : center] as const)
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 9 }), (pairs) => {
      const values = Float64Array.from(pairs, ([number]) => number)
      const centers = Float32Array.from(pairs, ([, center]) => center)
      const output = new Float32Array(pairs.length)
      loop.run({ values, centers, output }, {})
      // Adding zero: accept either of 0 and −0.
      const expected = pairs.map(([number, center]) => {
        return (number > center ? roundDown(number) : roundUp(number)) + 0
      })
      expect(Array.from(output, (rounded) => rounded + 0)).toEqual(expected)
    }),
    { numRuns: 2000 },
  )
})
