/**
 * The box-constrained projection of a point onto a hyperplane, in each norm: FAB's step onto a
 * linearized decision (Croce and Hein 2019, section 2.2).
 *
 * Given a point x in the box [low, high]ᵈ and the hyperplane {z : ⟨w, z⟩ = c}, find the shortest δ
 * with ⟨w, x + δ⟩ = c and x + δ in the box. With the residual γ = ⟨w, x⟩ − c, each component moves
 * in the direction −sign(γ)·sign(w_i) that reduces |γ|, at most by its room, the distance to the
 * bound in that direction, and contributes |w_i|·|δ_i| to the reduction:
 *
 * - Linf: |δ_i| = min(λ, room_i), and L2: |δ_i| = min(λ·|w_i|, room_i), with one λ ≥ 0 for all
 *   components. The reduction is a concave, piecewise linear function of λ; `solveScale` finds the
 *   λ at which it equals |γ|.
 * - L1: components move all the way to their bounds in descending order of |w_i|, and the last one
 *   as far as needed. `findThreshold` selects the |w_i| of the last one without sorting.
 */
import { dualNorm, terms, v, vectorLoop } from '../../../core/api/attack.ts'
import type { Term } from '../../../core/api/attack.ts'
import type { Norm } from '../../../core/api/plugin.ts'

/** Projections onto hyperplanes {z : ⟨w, z⟩ = c}. Several of them can share a normal w. */
export interface HyperplaneProjections {
  /** Sets w for the next projections. It is copied. */
  setNormal(normal: Float32Array): void
  /**
   * Writes to `output` the shortest δ with x + δ on the hyperplane and within the bounds. If no
   * such point exists, δ leads to the corner of the box nearest to the hyperplane.
   * @param residual γ = ⟨w, x⟩ − c
   * @returns ‖δ‖
   */
  project(point: Float32Array, residual: number, output: Float64Array): number
}

type Bounds = readonly [low: number, high: number]

/**
 * Prepares projections for points of `size` components. Components with |w_i| of at most 10⁻⁸ of
 * the largest do not move, since rounding alone could move them all the way to a bound.
 */
export function prepareProjections(
  norm: Norm,
  bounds: Bounds,
  size: number,
): HyperplaneProjections {
  return norm === 'L1'
    ? prepareL1Projections(bounds, size)
    : prepareScaledProjections(norm, bounds, size)
}

const negligible = 1e-8

/** The weight up to which components do not move. */
function negligibleWeight(normal: Float32Array): number {
  return negligible * dualNorm.L1(normal)
}

/**
 * Linf and L2: δ_i = λ·d_i up to the bounds, with d_i = ∓sign(w_i) in Linf and ∓w_i in L2. In
 * `weights`, the components that do not move are 0.
 */
function prepareScaledProjections(
  norm: 'Linf' | 'L2',
  bounds: Bounds,
  size: number,
): HyperplaneProjections {
  const weights = new Float32Array(size)
  const loops = scaledLoops[norm]
  const [low, high] = bounds
  let slope = 0
  return {
    setNormal(normal) {
      slope = loops.setWeights.run({ normal, weights }, { least: negligibleWeight(normal) }).slope
    },
    project(point, residual, output) {
      const toward = -Math.sign(residual)
      const reductionOver = loops.measureReduction.over({ point, weights })
      const scale = solveScale(Math.abs(residual), slope, (scale) =>
        reductionOver({ toward, scale, low, high }),
      )
      const { largest, squares } = loops.move.run(
        { point, weights, output },
        { scale: toward * scale, low, high },
      )
      return norm === 'Linf' ? largest : Math.sqrt(squares)
    },
  }
}

/** The reduction of the residual by the components at some λ. */
interface Reduction {
  /** Σ |w_i|·room_i over the components at their bounds. */
  readonly atBounds: number
  /** Reduction per unit of λ by the other components: Σ |w_i|·|d_i|. */
  readonly slope: number
}

/**
 * Solves Σ |w_i|·min(λ·|d_i|, room_i) = |γ| for λ ≥ 0 by Newton's method: each iteration solves for
 * the components that are not at their bounds. The sum is concave in λ, so the iterates increase up
 * to the solution, and each iteration moves at least one more component to its bound. If the rooms
 * are too small for a solution, all components end at their bounds.
 * @param slope Σ |w_i|·|d_i| over all components
 */
function solveScale(
  residual: number,
  slope: number,
  reductionAt: (scale: number) => Reduction,
): number {
  let scale = 0
  let remaining = residual
  let remainingSlope = slope
  for (;;) {
    // Infinity would turn components that do not move into NaN.
    const next = Math.min(remaining / remainingSlope, Number.MAX_VALUE)
    if (!(next > scale)) return scale
    scale = next
    const reduction = reductionAt(scale)
    remaining = residual - reduction.atBounds
    remainingSlope = reduction.slope
  }
}

/** The differences between Linf and L2, as terms of a component. */
interface ScaledTerms {
  /** d_i as a function of w_i, up to sign */
  direction(weight: Term): Term
  /** λ·|d_i| as a function of λ and |w_i|; unused where w_i = 0 */
  length(scale: Term, size: Term): Term
  /** |w_i|·|d_i| as a function of |w_i| */
  slope(size: Term): Term
}

function prepareScaledLoops({ direction, length, slope }: ScaledTerms) {
  return {
    setWeights: vectorLoop({
      arrays: { normal: 'float32', weights: 'float32' },
      scalars: ['least'],
      body({ normal, least }) {
        const weights = v.when(v.less(least, v.abs(normal)), normal)
        return { writes: { weights }, sums: { slope: slope(v.abs(weights)) } }
      },
    }),
    measureReduction: vectorLoop({
      arrays: { point: 'float32', weights: 'float32' },
      scalars: ['toward', 'scale', 'low', 'high'],
      body({ point, weights, toward, scale, low, high }) {
        const size = v.abs(weights)
        const isUp = v.less(0, v.mul(toward, weights))
        const room = v.select(isUp, v.sub(high, point), v.sub(point, low))
        const isAtBound = v.atMost(room, length(scale, size))
        const atBounds = v.when(isAtBound, v.mul(size, room))
        return { sums: { atBounds, slope: v.unless(isAtBound, slope(size)) } }
      },
    }),
    move: vectorLoop({
      arrays: { point: 'float32', weights: 'float32', output: 'float64' },
      scalars: ['scale', 'low', 'high'],
      body({ point, weights, scale, low, high }) {
        const moved = v.clip(terms.along(point, scale, direction(weights)), low, high)
        const output = v.sub(moved, point)
        return {
          writes: { output },
          sums: { squares: terms.squared(output) },
          largest: { largest: v.abs(output) },
        }
      },
    }),
  }
}

const scaledLoops = {
  Linf: prepareScaledLoops({
    direction: (weight) => v.sign(weight),
    length: (scale) => scale,
    slope: (size) => size,
  }),
  L2: prepareScaledLoops({
    direction: (weight) => weight,
    length: (scale, size) => v.mul(scale, size),
    slope: (size) => terms.squared(size),
  }),
}

/** L1: see the top of this file. `signs` and `weights` are sign(w_i) and |w_i|, 0 if negligible. */
function prepareL1Projections([low, high]: Bounds, size: number): HyperplaneProjections {
  const signs = new Float64Array(size)
  const weights = new Float64Array(size)
  const scratch = new Uint32Array(size)

  /** Writes the room of each component to `rooms`. */
  const measureRooms = (point: Float32Array, toward: number, rooms: Float64Array): void => {
    for (let i = 0; i < size; i++) {
      const slope = toward * signs[i]!
      rooms[i] = Number(slope > 0) * (point[i]! - low) + Number(slope < 0) * (high - point[i]!)
    }
  }

  /** Reduces rooms to |δ_i|. Returns their sum. */
  const cutRooms = (rooms: Float64Array, { weight: threshold, remaining }: Threshold): number => {
    let rest = remaining
    let sum = 0
    for (let i = 0; i < size; i++) {
      const weight = weights[i]!
      if (weight > threshold) {
        sum += rooms[i]!
      } else if (weight === threshold && weight > 0) {
        const length = Math.min(rooms[i]!, rest / weight)
        rest = Math.max(rest - weight * rooms[i]!, 0)
        sum += length
        rooms[i] = length
      } else {
        rooms[i] = 0
      }
    }
    return sum
  }

  return {
    setNormal(normal) {
      const least = negligibleWeight(normal)
      for (let i = 0; i < size; i++) {
        const weight = normal[i]!
        const sign = Number(weight > least) - Number(weight < -least)
        signs[i] = sign
        weights[i] = sign * weight
      }
    },
    project(point, residual, output) {
      const toward = Math.sign(residual)
      measureRooms(point, toward, output)
      const length = cutRooms(output, findThreshold(weights, Math.abs(residual), output, scratch))
      for (let i = 0; i < size; i++) output[i]! *= 1 - 2 * Number(toward * signs[i]! > 0)
      return length
    },
  }
}

/** The cut in the descending order of weights. */
interface Threshold {
  /** Components with a greater weight move all the way; 0 if all must. */
  readonly weight: number
  /** The reduction that the components of this weight must contribute. */
  readonly remaining: number
}

/**
 * Finds the threshold by quickselect: the contribution of the components heavier than a pivot
 * decides on which side of the pivot the threshold is, and the other side is dropped.
 * @param needed the reduction, |γ|
 * @param candidates scratch: the indices of the components not yet clipped
 */
function findThreshold(
  weights: Float64Array,
  needed: number,
  rooms: Float64Array,
  candidates: Uint32Array,
): Threshold {
  let count = 0
  for (let i = 0; i < rooms.length; i++) if (rooms[i]! > 0) candidates[count++] = i
  let remaining = needed
  while (count > 0) {
    const pivot = weights[candidates[count >> 1]!]!
    let heavier = 0
    let equal = 0
    for (let k = 0; k < count; k++) {
      const i = candidates[k]!
      const weight = weights[i]!
      if (weight > pivot) heavier += weight * rooms[i]!
      else if (weight === pivot) equal += weight * rooms[i]!
    }
    const isHeavier = heavier > remaining
    if (!isHeavier && heavier + equal >= remaining) {
      return { weight: pivot, remaining: remaining - heavier }
    }
    if (!isHeavier) remaining -= heavier + equal
    let kept = 0
    for (let k = 0; k < count; k++) {
      const i = candidates[k]!
      const weight = weights[i]!
      if (isHeavier ? weight > pivot : weight < pivot) candidates[kept++] = i
    }
    count = kept
  }
  return { weight: 0, remaining }
}
