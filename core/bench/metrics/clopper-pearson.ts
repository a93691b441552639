/** Exact confidence bounds of a proportion. */
import { RobenchError } from '../../base/errors.ts'

/**
 * The one-sided lower confidence bound of Clopper and Pearson: the p at which at least `successes`
 * of `trials` have probability α, so that the true proportion is below it with probability at most
 * α. Quantile α of Beta(k, n − k + 1); 0 without successes.
 * @param alpha α in (0, 1)
 * @throws RobenchError ROBENCH_INTERNAL unless 0 ≤ successes ≤ trials and 0 < α < 1
 * @see Clopper and Pearson 1934, The use of confidence or fiducial limits illustrated in the case
 *   of the binomial, Biometrika 26:404–413
 */
export function lowerConfidenceBound(successes: number, trials: number, alpha: number): number {
  const isCount = Number.isInteger(successes) && Number.isInteger(trials)
  if (!isCount || successes < 0 || successes > trials || !(alpha > 0 && alpha < 1)) {
    throw new RobenchError(
      'ROBENCH_INTERNAL',
      `lowerConfidenceBound: expected 0 <= successes <= trials and 0 < alpha < 1, got ` +
        `${successes} of ${trials} at ${alpha}`,
    )
  }
  if (successes === 0) return 0
  if (successes === trials) return alpha ** (1 / trials)
  let low = 0
  let high = 1
  for (let step = 0; step < 100 && high > low; step++) {
    const middle = (low + high) / 2
    if (middle === low || middle === high) break
    if (binomialTail(successes, trials, middle) < alpha) low = middle
    else high = middle
  }
  // The lower end of the bracket is the safe side.
  return low
}

/** P(X ≥ k) of X ~ Binomial(n, p): the regularized incomplete beta function I_p(k, n − k + 1). */
export function binomialTail(successes: number, trials: number, p: number): number {
  if (successes <= 0) return 1
  if (p <= 0) return 0
  if (p >= 1) return 1
  const [a, b] = [successes, trials - successes + 1]
  // The continued fraction converges fast below the mean, and I_p(a, b) = 1 − I_{1−p}(b, a).
  return p < (a + 1) / (a + b + 2) ? betaFraction(a, b, p) : 1 - betaFraction(b, a, 1 - p)
}

/** I_x(a, b) by its continued fraction (Abramowitz and Stegun, 26.5.8), with Lentz's method. */
function betaFraction(a: number, b: number, x: number): number {
  const logFront =
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)
  const tiny = 1e-300
  const guarded = (value: number): number => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / guarded(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / guarded(1 + even * d)
    c = guarded(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / guarded(1 + odd * d)
    c = guarded(1 + odd / c)
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return (Math.exp(logFront) * fraction) / a
}

/** ln Γ(x) for x ≥ 1, by Stirling's series after raising x to 16 or more. */
function logGamma(x: number): number {
  let shift = 0
  let z = x
  while (z < 16) {
    shift += Math.log(z)
    z += 1
  }
  const square = 1 / (z * z)
  const series =
    (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)))) / z
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift
}
