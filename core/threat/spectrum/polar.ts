/** Amplitude and phase of a spectrum as expressions, without angles. */
import { g } from '../../engine/graph/graph.ts'
import type { Value } from '../../engine/graph/value.ts'
import { fourierTransform, inverseFourierTransform } from './fourier.ts'
import type { Complex } from './fourier.ts'

/**
 * A bin counts as empty if its amplitude is at most this fraction of the plane's largest: float32
 * rounding alone can produce as much.
 */
const emptyBinShare = 1e-6

/** A(z) = |z|; for an empty bin 0, with gradient 0. */
export function amplitude(z: Complex): Value {
  const { filled, length } = guardedLength(z)
  return g.where(filled, length, 0)
}

/** e^{jP(z)} = z/|z|; for an empty bin 1 (as with atan2(0, 0) = 0), with gradient 0. */
export function unitPhase(z: Complex): Complex {
  const { filled, length } = guardedLength(z)
  return {
    real: g.where(filled, g.div(z.real, length), 1),
    imaginary: g.where(filled, g.div(z.imaginary, length), 0),
  }
}

/**
 * Re F⁻¹(A·e^{jP}) of an amplitude `[…, h, w]` and a phase from `unitPhase`. The amplitude need not
 * be symmetric: only its symmetric part ½(A(k) + A(−k)) contributes to the real part.
 */
export function recombine(amplitude: Value, phase: Complex): Value {
  return inverseFourierTransform({
    real: g.mul(amplitude, phase.real),
    imaginary: g.mul(amplitude, phase.imaginary),
  }).real
}

/**
 * Re F⁻¹(((1 − λ)·A(x) + λ·A(x₀))·e^{jP(x)}), not clipped (Li et al. 2024, arXiv:2410.12307,
 * equation 2). It is linear in the amplitude, so it is computed as
 * (1 − λ)·x + λ·Re F⁻¹(A(x₀)·e^{jP(x)}).
 * @param x real, `[n, c, h, w]`
 * @param foreign A(x₀), in the shape of x
 * @param mix λ, in a shape that broadcasts, such as `[n, 1, 1, 1]`
 */
export function mixAmplitude(x: Value, foreign: Value, mix: Value): Value {
  const other = recombine(foreign, unitPhase(fourierTransform(x)))
  return g.add(x, g.mul(mix, g.sub(other, x)))
}

/** |z|, or 1 for empty bins, so that root and quotient have finite derivatives there. */
function guardedLength({ real, imaginary }: Complex): {
  readonly filled: Value
  readonly length: Value
} {
  const power = g.add(g.mul(real, real), g.mul(imaginary, imaginary))
  const largest = g.reduceMax(power, [-2, -1], true)
  const filled = g.greater(power, g.mul(largest, emptyBinShare ** 2))
  return { filled, length: g.sqrt(g.where(filled, power, 1)) }
}
