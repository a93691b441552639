/** The penalties of Carlini and Wagner in L2 and Linf, and how constants change from run to run. */
import { v } from '../../../core/api/attack.ts'
import type { Term } from '../../../core/api/attack.ts'

/** The penalty state of one example. Lengths are in units of the width of the bounds. */
export interface PenaltySearch {
  /** c: the weight of the margin relative to the size of the perturbation. */
  constant: number
  /** τ: components up to this length have no cost; 0 in L2. */
  threshold: number
  /** The bracket of the bisection: of c in L2, of τ in Linf. */
  failed: number
  /** Infinity until a run fools the model. */
  succeeded: number
}

/** The penalty method for one norm. */
export interface PenaltyMethod {
  /** The state before the first run. @param epsilon of the threat model */
  begin(epsilon: number, initialConstant: number): PenaltySearch
  /** The contribution of a component δ_i to the objective. */
  cost(delta: Term, threshold: Term): Term
  /** The derivative of `cost`. */
  slope(delta: Term, threshold: Term): Term
  /**
   * The factor of the margin in the objective.
   * @param gradient of the margin
   * @param width of the bounds
   */
  weight(constant: number, gradient: Float32Array, width: number): number
  /** The factor of the learning rate. @param done fraction of the run, from 0 to 1 */
  anneal(done: number): number
  /** Whether a run starts at the nearest fooling point so far, instead of at the input. */
  readonly startsAtBest: boolean
  /** Whether a run may end at a fooling point of this length. */
  reached(length: number, search: PenaltySearch): boolean
  /** Whether a run may end when its objective stops falling. */
  readonly endsWhenStuck: boolean
  /**
   * Prepares the next run.
   * @param length of the nearest fooling point of this run; Infinity if there is none
   */
  next(search: PenaltySearch, length: number): void
}

/** ‖δ‖₂²: c grows tenfold until a run fools the model, and is then bisected. */
const squaredLength: PenaltyMethod = {
  begin: (_, constant) => ({ constant, threshold: 0, failed: 0, succeeded: Infinity }),
  cost: (delta) => v.mul(delta, delta),
  slope: (delta) => v.mul(2, delta),
  weight: (constant) => constant,
  anneal: () => 1,
  startsAtBest: false,
  reached: () => false,
  endsWhenStuck: true,
  next(search, length) {
    if (length < Infinity) search.succeeded = Math.min(search.succeeded, search.constant)
    else search.failed = Math.max(search.failed, search.constant)
    search.constant =
      search.succeeded < Infinity ? (search.failed + search.succeeded) / 2 : 10 * search.constant
  },
}

/**
 * Σ max(|δ_i| − τ, 0): c grows tenfold until a run fools the model with τ = ε; τ is then bisected.
 */
const excess: PenaltyMethod = {
  begin: (epsilon, constant) => ({ constant, threshold: epsilon, failed: 0, succeeded: Infinity }),
  cost: (delta, threshold) => v.max(v.sub(v.abs(delta), threshold), 0),
  slope: (delta, threshold) => v.when(v.less(threshold, v.abs(delta)), v.sign(delta)),
  weight(constant, gradient, width) {
    let sum = 0
    for (const value of gradient) sum += Math.abs(value)
    return (constant * gradient.length) / Math.max(sum * width, 1e-12)
  },
  anneal: (done) => 0.01 + (0.99 * (1 + Math.cos(Math.PI * done))) / 2,
  startsAtBest: true,
  reached: (length, { threshold }) => length <= threshold,
  endsWhenStuck: false,
  next(search, length) {
    const { threshold, succeeded } = search
    if (length > threshold && succeeded === Infinity) {
      search.constant *= 10
      return
    }
    if (length > threshold) search.failed = threshold
    search.succeeded = Math.min(succeeded, length)
    search.threshold = (search.failed + search.succeeded) / 2
  },
}

/** The penalty methods by norm. */
export const penaltyMethods: Readonly<Record<'L2' | 'Linf', PenaltyMethod>> = {
  L2: squaredLength,
  Linf: excess,
}
