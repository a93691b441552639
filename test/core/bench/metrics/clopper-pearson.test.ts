/** Clopper and Pearson's bound and the normal distribution against SciPy 1.17.1. */
import { expect, test } from 'vitest'
import {
  binomialTail,
  lowerConfidenceBound,
} from '../../../../core/bench/metrics/clopper-pearson.ts'
import { normalCdf, normalQuantile } from '../../../../core/bench/metrics/normal-distribution.ts'

test.each([
  // scipy.stats.beta.ppf(alpha, k, n - k + 1)
  [990, 1000, 0.001, 0.9760361871553114],
  [1000, 1000, 0.001, 0.9931160484209338],
  [500, 1000, 0.001, 0.45077105398478234],
  [0, 1000, 0.001, 0],
  [7, 10, 0.05, 0.39337578389458766],
  [99000, 100000, 0.001, 0.9889893403774748],
  [60, 100, 0.001, 0.4409842652212994],
])('of %i in %i at α = %f', (successes, trials, alpha, expected) => {
  expect(lowerConfidenceBound(successes, trials, alpha)).toBeCloseTo(expected, 10)
})

test('the tail of a binomial distribution is the sum of its terms', () => {
  const [n, p] = [12, 0.3]
  const choose = (k: number): number =>
    Array.from({ length: k }, (_, i) => (n - i) / (i + 1)).reduce((a, b) => a * b, 1)
  for (let k = 0; k <= n; k++) {
    let sum = 0
    for (let i = k; i <= n; i++) sum += choose(i) * p ** i * (1 - p) ** (n - i)
    expect(binomialTail(k, n, p)).toBeCloseTo(sum, 13)
  }
})

test.each([
  // scipy.stats.norm.ppf
  [1e-10, -6.361340902404056],
  [0.001, -3.090232306167813],
  [0.02, -2.053748910631823],
  [0.5, 0],
  [0.6, 0.2533471031357997],
  [0.975, 1.959963984540054],
  [0.999999, 4.753424308817087],
])('Φ⁻¹(%f)', (p, expected) => {
  // p = 1 − 1e-10 carries six digits of 1e-10.
  expect(Math.abs(normalQuantile(p) - expected)).toBeLessThan(p < 1e-6 ? 1e-6 : 1e-10)
})

test.each([
  // scipy.stats.norm.cdf
  [-6, 9.865876450376946e-10],
  [-1.2, 0.11506967022170822],
  [0, 0.5],
  [0.3, 0.6179114221889526],
  [2.5, 0.9937903346742238],
])('Φ(%f)', (x, expected) => {
  expect(Math.abs(normalCdf(x) - expected)).toBeLessThan(1e-15)
})

test('impossible arguments are refused', () => {
  expect(() => lowerConfidenceBound(3, 2, 0.1)).toThrow(
    'expected 0 <= successes <= trials and 0 < alpha < 1, got 3 of 2 at 0.1',
  )
  expect(() => lowerConfidenceBound(1, 2, 0)).toThrow('got 1 of 2 at 0')
  expect(() => normalQuantile(1.1)).toThrow('expected p in [0, 1], got 1.1')
  expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity])
})
