/** The Wilson interval, against published values, its defining equation, and its symmetries. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { meanInterval, overlaps, wilsonInterval } from '../../../../core/bench/metrics/interval.ts'

const observed = fc
  .integer({ min: 1, max: 100_000 })
  .chain((trials) => fc.tuple(fc.integer({ min: 0, max: trials }), fc.constant(trials)))

test('meanInterval is the Wilson interval at whole sums, increasing between them', () => {
  expect(meanInterval(15, 148)).toEqual(wilsonInterval(15, 148))
  const { low, high } = meanInterval(15.5, 148)
  expect(low).toBeGreaterThan(wilsonInterval(15, 148).low)
  expect(high).toBeLessThan(wilsonInterval(16, 148).high)
  expect(() => meanInterval(3.5, 3)).toThrow(
    'meanInterval: expected an integer count and 0 <= sum <= count, got 3.5 of 3',
  )
})

describe('wilsonInterval', () => {
  // Newcombe 1998, Two-sided confidence intervals for the single proportion, table I, method 3.
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('%i of %i agrees with the published interval', (successes, trials, low, high) => {
    const interval = wilsonInterval(successes, trials)
    expect(interval.low).toBeCloseTo(low, 4)
    expect(interval.high).toBeCloseTo(high, 4)
  })

  test('its ends are the roots of (p̂ − p)² = z² p(1 − p)/n', () => {
    const z = 1.959963984540054
    fc.assert(
      fc.property(observed, ([successes, trials]) => {
        const { low, high } = wilsonInterval(successes, trials)
        for (const p of [low, high]) {
          const distance = (successes / trials - p) ** 2
          expect(distance).toBeCloseTo((z * z * p * (1 - p)) / trials, 12)
        }
      }),
    )
  })

  test('it contains the observed proportion and stays within [0, 1]', () => {
    fc.assert(
      fc.property(observed, ([successes, trials]) => {
        const { low, high } = wilsonInterval(successes, trials)
        expect(low).toBeGreaterThanOrEqual(0)
        expect(high).toBeLessThanOrEqual(1)
        expect(low).toBeLessThanOrEqual(successes / trials)
        expect(high).toBeGreaterThanOrEqual(successes / trials)
      }),
    )
  })

  test('failures have the mirrored interval', () => {
    fc.assert(
      fc.property(observed, ([successes, trials]) => {
        const there = wilsonInterval(successes, trials)
        const back = wilsonInterval(trials - successes, trials)
        expect(back.low).toBeCloseTo(1 - there.high, 12)
        expect(back.high).toBeCloseTo(1 - there.low, 12)
      }),
    )
  })

  test('more examples narrow it, and more confidence widens it', () => {
    fc.assert(
      fc.property(observed, ([successes, trials]) => {
        const width = (n: number, confidence: 0.9 | 0.95 | 0.99) => {
          const { low, high } = wilsonInterval(successes * n, trials * n, confidence)
          return high - low
        }
        expect(width(4, 0.95)).toBeLessThan(width(1, 0.95))
        expect(width(1, 0.9)).toBeLessThan(width(1, 0.95))
        expect(width(1, 0.95)).toBeLessThan(width(1, 0.99))
      }),
    )
  })

  test('without trials it is [0, 1]', () => {
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 })
  })

  test('more successes than trials are rejected', () => {
    expect(() => wilsonInterval(5, 4)).toThrowErrorMatchingInlineSnapshot(
      `[RobenchError: wilsonInterval: expected integers with 0 <= successes <= trials, got 5 of 4]`,
    )
  })
})

test('intervals overlap if they share a point', () => {
  expect(overlaps({ low: 0.1, high: 0.3 }, { low: 0.3, high: 0.5 })).toBe(true)
  expect(overlaps({ low: 0.1, high: 0.3 }, { low: 0.31, high: 0.5 })).toBe(false)
  expect(overlaps({ low: 0.2, high: 0.25 }, { low: 0.1, high: 0.5 })).toBe(true)
})
