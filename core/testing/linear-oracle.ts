/** The exact robustness of linear classifiers in closed form: the limit of every attack. */
import type { Norm, ThreatModel } from '../threat/threat-model.ts'
import type { LinearClassifier } from './linear-model.ts'

/**
 * The smallest margin z_y − max over s ≠ y of z_s that any attack within the threat model, bounds
 * included, can reach on one example. The example is robust if it is above zero; float32 rounding
 * affects margins below about 1e-5.
 */
export function worstCaseMargin(
  { weights, bias, classes }: LinearClassifier,
  threatModel: ThreatModel,
  x: ArrayLike<number>,
  label: number,
): number {
  const size = weights.length / classes
  const lower = new Float64Array(size)
  const upper = new Float64Array(size)
  for (let i = 0; i < size; i++) {
    lower[i] = threatModel.bounds[0] - x[i]!
    upper[i] = threatModel.bounds[1] - x[i]!
  }
  let smallest = Infinity
  for (let rival = 0; rival < classes; rival++) {
    if (rival === label) continue
    const direction = new Float64Array(size)
    let clean = bias[label]! - bias[rival]!
    for (let i = 0; i < size; i++) {
      direction[i] = weights[rival * size + i]! - weights[label * size + i]!
      clean -= direction[i]! * x[i]!
    }
    const gain = largestGain[threatModel.norm](direction, lower, upper, threatModel)
    smallest = Math.min(smallest, clean - gain)
  }
  return smallest
}

/** max c·δ over ‖δ‖ ≤ ε and lower ≤ δ ≤ upper */
type LargestGain = (
  c: Float64Array,
  lower: Float64Array,
  upper: Float64Array,
  threatModel: ThreatModel,
) => number

const largestGain: Readonly<Record<Norm, LargestGain>> = {
  // Each component at its upper end where c is positive, at its lower end where negative.
  Linf(c, lower, upper, { epsilon }) {
    let gain = 0
    for (let i = 0; i < c.length; i++) {
      const end = c[i]! > 0 ? Math.min(epsilon, upper[i]!) : Math.max(-epsilon, lower[i]!)
      gain += c[i]! * end
    }
    return gain
  },
  // By the Lagrange conditions δ = clip(t·c) with ‖δ‖₂ = ε; t is found by bisection. If the box is
  // inside the ball, any large t.
  L2(c, lower, upper, { epsilon }) {
    const at = (t: number): { gain: number; norm: number } => {
      let gain = 0
      let squares = 0
      for (let i = 0; i < c.length; i++) {
        const d = Math.min(Math.max(t * c[i]!, lower[i]!), upper[i]!)
        gain += c[i]! * d
        squares += d ** 2
      }
      return { gain, norm: Math.sqrt(squares) }
    }
    let low = 0
    let high = 1
    while (at(high).norm < epsilon && high < 2 ** 60) high *= 2
    for (let round = 0; round < 120; round++) {
      const middle = (low + high) / 2
      if (at(middle).norm <= epsilon) low = middle
      else high = middle
    }
    return at(high).norm <= epsilon ? at(high).gain : at(low).gain
  },
  // Components in descending order of |c|, each up to its bound, until ε is used up.
  L1(c, lower, upper, { epsilon }) {
    let gain = 0
    let left = epsilon
    for (const i of Array.from(c.keys()).sort((a, b) => Math.abs(c[b]!) - Math.abs(c[a]!))) {
      const length = Math.min(left, c[i]! > 0 ? upper[i]! : -lower[i]!)
      gain += Math.abs(c[i]!) * length
      left -= length
    }
    return gain
  },
  // The ⌊ε⌋ pixels that gain most with every component at its better end.
  L0(c, lower, upper, { epsilon, channels = 1 }) {
    const pixels = c.length / channels
    const gains = new Float64Array(pixels)
    for (let i = 0; i < c.length; i++) {
      gains[i % pixels]! += c[i]! * (c[i]! > 0 ? upper[i]! : lower[i]!)
    }
    const best = gains.toSorted((a, b) => b - a).subarray(0, Math.floor(epsilon))
    return best.reduce((sum, gain) => sum + gain, 0)
  },
}
