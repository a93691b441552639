/** What Carlini and Wagner minimize beside the margin, and how the search goes from run to run, in L2 and Linf. */

/** Where the search of one example stands. Lengths are in units of the width of the bounds. */
export interface PenaltySearch {
  /** c: the weight of the margin against the size of the perturbation. */
  constant: number
  /** τ: the length up to which a component costs nothing; 0 in L2. */
  threshold: number
  /** What is searched for is between these: c in L2, τ in Linf. Infinity where no run has fooled the model yet. */
  failed: number
  worked: number
}

export interface PenaltyRule {
  /** @param epsilon of the threat model */
  begin(epsilon: number, initialConstant: number): PenaltySearch
  /** What a component δ_i adds to the objective, and its derivative. */
  cost(delta: number, threshold: number): number
  slope(delta: number, threshold: number): number
  /** What the margin is multiplied by. @param gradient of the margin; @param width of the bounds */
  weight(constant: number, gradient: Float32Array, width: number): number
  /** The learning rate's share at so much of a run, from 0 to 1. */
  anneal(done: number): number
  /** Whether a run begins at the nearest fooling point of those before, and not at the input. */
  readonly goesOn: boolean
  /** Whether a run may end because of a fooling point of this length. */
  reached(length: number, search: PenaltySearch): boolean
  /** Whether a run may end because its objective no longer falls. */
  readonly endsWhenStuck: boolean
  /** Prepares the next run. @param length of the nearest fooling point of this one, Infinity if there was none */
  next(search: PenaltySearch, length: number): void
}

/** ‖δ‖₂²: c grows tenfold until a run fools the model, then it is bisected. */
const squaredLength: PenaltyRule = {
  begin: (_, constant) => ({ constant, threshold: 0, failed: 0, worked: Infinity }),
  cost: (delta) => delta * delta,
  slope: (delta) => 2 * delta,
  weight: (constant) => constant,
  anneal: () => 1,
  goesOn: false,
  reached: () => false,
  endsWhenStuck: true,
  next(search, length) {
    if (length < Infinity) search.worked = Math.min(search.worked, search.constant)
    else search.failed = Math.max(search.failed, search.constant)
    search.constant =
      search.worked < Infinity ? (search.failed + search.worked) / 2 : 10 * search.constant
  },
}

/** Σ max(|δ_i| − τ, 0): c grows tenfold until a run fools the model with τ = ε, then τ is bisected. */
const excess: PenaltyRule = {
  begin: (epsilon, constant) => ({ constant, threshold: epsilon, failed: 0, worked: Infinity }),
  cost: (delta, threshold) => Math.max(Math.abs(delta) - threshold, 0),
  slope: (delta, threshold) => (Math.abs(delta) > threshold ? Math.sign(delta) : 0),
  weight(constant, gradient, width) {
    let sum = 0
    for (const value of gradient) sum += Math.abs(value)
    return (constant * gradient.length) / Math.max(sum * width, 1e-12)
  },
  anneal: (done) => 0.01 + (0.99 * (1 + Math.cos(Math.PI * done))) / 2,
  goesOn: true,
  reached: (length, { threshold }) => length <= threshold,
  endsWhenStuck: false,
  next(search, length) {
    const { threshold, worked } = search
    if (length > threshold && worked === Infinity) {
      search.constant *= 10
      return
    }
    if (length > threshold) search.failed = threshold
    search.worked = Math.min(worked, length)
    search.threshold = (search.failed + search.worked) / 2
  },
}

export const penaltyRules: Readonly<Record<'L2' | 'Linf', PenaltyRule>> = {
  L2: squaredLength,
  Linf: excess,
}
