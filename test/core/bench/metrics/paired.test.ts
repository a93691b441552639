/** Paired proportions, against published intervals, scipy, and the definitions. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  countPairs,
  mcnemarExact,
  pairedDifference,
  tangoInterval,
} from '../../../../core/bench/metrics/paired.ts'
import type { PairedCounts } from '../../../../core/bench/metrics/paired.ts'

const counted = (both: number, onlyA: number, onlyB: number, neither: number): PairedCounts => ({
  both,
  onlyA,
  onlyB,
  neither,
})
const swapped = ({ both, onlyA, onlyB, neither }: PairedCounts): PairedCounts =>
  counted(both, onlyB, onlyA, neither)

const cell = fc.integer({ min: 0, max: 400 })
const anyCounts = fc
  .tuple(cell, cell, cell, cell)
  .filter((cells) => cells.some((value) => value > 0))
  .map(([both, onlyA, onlyB, neither]) => counted(both, onlyA, onlyB, neither))

describe('countPairs', () => {
  test('counts the four pairs of outcomes', () => {
    const a = [true, true, true, false, false]
    const b = [true, false, false, true, false]
    expect(countPairs(a, b)).toEqual(counted(1, 2, 1, 1))
    expect(pairedDifference(countPairs(a, b))).toBeCloseTo(0.2, 15)
  })

  test('other examples are rejected', () => {
    expect(() => countPairs([true], [])).toThrow('expected the same examples, got 1 and 0')
  })
})

describe('mcnemarExact', () => {
  // scipy 1.17.1, binomtest(onlyA, onlyA + onlyB).pvalue. The first table is that of Bentur et al.
  // 2009, for which Fagerland, Lydersen, Laake 2014 give 0.070.
  test.each([
    [1, 7, 0.0703125],
    [12, 2, 0.012939453125],
    [150, 86, 3.7159361395713866e-5],
    [30, 18, 0.11140289106101878],
    [3000, 4000, 5.7143006822603136e-33],
    [5, 5, 1],
    [0, 0, 1],
  ])('%i against %i agrees with the binomial test', (onlyA, onlyB, p) => {
    const found = mcnemarExact(counted(10, onlyA, onlyB, 10))
    expect(Math.abs(found / p - 1)).toBeLessThan(1e-10)
  })

  test('the p-value does not depend on the order, nor on examples with equal outcomes', () => {
    fc.assert(
      fc.property(anyCounts, (counts) => {
        const p = mcnemarExact(counts)
        expect(mcnemarExact(swapped(counts))).toBe(p)
        expect(mcnemarExact({ ...counts, both: 0, neither: 7 })).toBe(p)
        expect(p).toBeGreaterThan(0)
        expect(p).toBeLessThanOrEqual(1)
      }),
    )
  })
})

describe('tangoInterval', () => {
  // Fagerland, Lydersen, Laake 2014, Recommended tests and confidence intervals for paired binomial
  // proportions, Statistics in Medicine 33:2850–2875: Tango's interval of (1, 1, 7, 12).
  test('agrees with the published interval', () => {
    const { low, high } = tangoInterval(counted(1, 1, 7, 12))
    expect(low).toBeCloseTo(-0.517, 3)
    expect(high).toBeCloseTo(-0.026, 3)
  })

  // The likelihood maximized numerically under the constraint, and the ends found by Brent's
  // method, with scipy 1.17.1.
  test.each([
    [counted(36, 12, 2, 0), 0.06111240683, 0.34470874801],
    [counted(794, 150, 86, 570), 0.02136156474, 0.05899803332],
    [counted(43, 0, 1, 0), -0.11807709698, 0.05939323127],
    [counted(50, 0, 0, 50), -0.0369934982, 0.0369934982],
    [counted(0, 9, 0, 1), 0.37268768029, 0.98212378691],
  ])('%j agrees with the definition', (counts, low, high) => {
    const interval = tangoInterval(counts)
    expect(interval.low).toBeCloseTo(low, 7)
    expect(interval.high).toBeCloseTo(high, 7)
  })

  test('it contains the difference, mirrors with the order, and widens with the confidence', () => {
    fc.assert(
      fc.property(anyCounts, (counts) => {
        const { low, high } = tangoInterval(counts)
        const difference = pairedDifference(counts)
        expect(low).toBeLessThanOrEqual(difference)
        expect(high).toBeGreaterThanOrEqual(difference)
        expect(low).toBeGreaterThanOrEqual(-1)
        expect(high).toBeLessThanOrEqual(1)
        const mirrored = tangoInterval(swapped(counts))
        expect(mirrored.low).toBeCloseTo(-high, 8)
        expect(mirrored.high).toBeCloseTo(-low, 8)
        const wide = tangoInterval(counts, 0.99)
        expect(wide.low).toBeLessThanOrEqual(low)
        expect(wide.high).toBeGreaterThanOrEqual(high)
      }),
    )
  })

  test('no examples are rejected', () => {
    expect(() => tangoInterval(counted(0, 0, 0, 0))).toThrow(
      'tangoInterval: expected at least one example, got none',
    )
  })
})
