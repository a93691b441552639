/** Robust accuracy as a function of epsilon. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { medianBreakingEpsilon, robustnessCurve } from '../../../../core/bench/metrics/curve.ts'

test('an example is robust at every epsilon below its breaking point', () => {
  // Wrong, broken at 0.1, broken at 0.2, never broken.
  const { epsilons, robustAccuracies } = robustnessCurve([0, 0.1, 0.2, null], [0.2, 0.05, 0.1, 0.1])
  expect(epsilons).toEqual([0.05, 0.1, 0.2])
  expect(robustAccuracies).toEqual([0.75, 0.5, 0.25])
})

test('curves never increase', () => {
  const breaking = fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 1 })
  const sizes = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 })
  fc.assert(
    fc.property(breaking, sizes, (points, epsilons) => {
      const { robustAccuracies } = robustnessCurve(points, epsilons)
      expect(robustAccuracies).toEqual(robustAccuracies.toSorted((a, b) => b - a))
    }),
  )
})

test('a curve over zero examples is rejected', () => {
  expect(() => robustnessCurve([], [0.1])).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: breakingEpsilons: expected one per example, got none]`,
  )
})

describe('the median breaking point', () => {
  test('is computed over the correct examples', () => {
    expect(medianBreakingEpsilon([0, 0, 0.1, 0.3, null])).toBe(0.3)
  })

  test('is undefined if fewer than half are broken, or none was correct', () => {
    expect(medianBreakingEpsilon([0.1, null, null])).toBeUndefined()
    expect(medianBreakingEpsilon([0, 0])).toBeUndefined()
  })
})
