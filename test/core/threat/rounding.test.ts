/** Directed rounding brackets every float64 by neighboring float32 values. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextDown, nextUp, roundDown, roundUp } from '../../../core/threat/rounding.ts'

const value = fc.oneof(
  fc.double({ min: -1e38, max: 1e38, noNaN: true }),
  fc.double({ min: -2, max: 2, noNaN: true }),
  fc.double({ min: -1e-40, max: 1e-40, noNaN: true }),
)

test('rounding down and up give float32 values around the number', () => {
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

test('steps down and up undo each other and pass through zero', () => {
  expect(nextUp(0)).toBe(2 ** -149)
  expect(nextUp(-0)).toBe(2 ** -149)
  expect(nextDown(0)).toBe(-(2 ** -149))
  expect(nextUp(nextDown(0)) + 0).toBe(0)
  expect(nextUp(1)).toBe(1 + 2 ** -23)
  expect(nextDown(1)).toBe(1 - 2 ** -24)
  expect(nextUp(-1)).toBe(-1 + 2 ** -24)
  expect(nextUp(Infinity)).toBe(Infinity)
})
