/** Robust accuracy as a function of epsilon. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  medianBreakingEpsilon,
  robustnessCurve,
  worstCaseCurve,
} from '../../../../core/bench/metrics/curve.ts'

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

describe('the worst case', () => {
  test('takes the smallest breaking point of each example', () => {
    const swept = robustnessCurve([0, 0.2, 0.4, null], [0.2, 0.4])
    const exact = robustnessCurve([0, 0.3, 0.1, null], [0.2, 0.4])
    const curve = worstCaseCurve(
      [
        { outcomes: 'wbrr', curve: swept },
        { outcomes: 'wrbr', curve: exact },
      ],
      0.2,
    )
    expect(curve).toEqual(robustnessCurve([0, 0.2, 0.1, null], [0.2, 0.4]))
  })

  test('an attack without a curve counts at the epsilon of the threat model', () => {
    const exact = robustnessCurve([0, 0.15, null], [0.2])
    const curve = worstCaseCurve([{ outcomes: 'wrr', curve: exact }, { outcomes: 'wrb' }], 0.2)
    expect(curve?.breakingEpsilons).toEqual([0, 0.15, 0.2])
    expect(worstCaseCurve([{ outcomes: 'wrb' }], 0.2)).toBeUndefined()
  })
})

describe('the median breaking point', () => {
  const median = (breaking: readonly (number | null)[], epsilons = [0.2, 0.4]) =>
    medianBreakingEpsilon(robustnessCurve(breaking, epsilons))

  test('of a minimum-norm attack is exact, over the correct examples', () => {
    expect(median([0, 0, 0.1, 0.3, null])).toEqual({ low: 0.3, high: 0.3 })
  })

  test('of an attack at given epsilons lies between two of them', () => {
    expect(median([0, 0.2, 0.4, null])).toEqual({ low: 0.2, high: 0.4 })
    expect(median([0.2, 0.2, null])).toEqual({ low: 0, high: 0.2 })
  })

  test('is undefined if fewer than half are broken, or none was correct', () => {
    expect(median([0.1, null, null])).toBeUndefined()
    expect(median([0, 0])).toBeUndefined()
  })
})
