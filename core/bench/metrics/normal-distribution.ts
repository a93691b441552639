/** The standard normal distribution. */
import { RobenchError } from '../../base/errors.ts'

const rootOfTwoPi = Math.sqrt(2 * Math.PI)

/** φ(x). */
export function normalDensity(x: number): number {
  return Math.exp((-x * x) / 2) / rootOfTwoPi
}

/**
 * Φ(x) = ½ + φ(x)·Σ x^(2k+1) / (1·3·…·(2k + 1)). For x below 0 it is 1 − Φ(−x), so the absolute
 * error, not the relative one, is about 1e-16.
 */
export function normalCdf(x: number): number {
  if (x < 0) return 1 - normalCdf(-x)
  if (x > 9) return 1
  let term = x
  let sum = x
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x * x) / (2 * k + 1)
    sum += term
  }
  return 0.5 + normalDensity(x) * sum
}

/**
 * Φ⁻¹(p), by Newton's method from 0: Φ is concave above 0, so no step overshoots.
 * @param p in [0, 1]; −∞ at 0 and ∞ at 1
 * @throws RobenchError ROBENCH_INTERNAL for another p
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) {
    throw new RobenchError('ROBENCH_INTERNAL', `normalQuantile: expected p in [0, 1], got ${p}`)
  }
  if (p === 1) return Infinity
  if (p < 0.5) return -normalQuantile(1 - p)
  let x = 0
  for (let step = 0; step < 100; step++) {
    const next = x + (p - normalCdf(x)) / normalDensity(x)
    if (!(next > x)) break
    x = next
  }
  return x
}
