/** The shortest move onto a hyperplane within bounds: what FAB makes of a linearized decision. */
import { gradientNorms, v, vectorLoop } from '../../../core/api/attack.ts'
import type { Term } from '../../../core/api/attack.ts'
import type { Norm } from '../../../core/api/plugin.ts'

/** Moves onto hyperplanes {z : ⟨w, z⟩ = c}, several of which may share their w. */
export interface HyperplaneProjections {
  /** Sets w for the moves to come. It is copied. */
  face(normal: Float32Array): void
  /**
   * Writes into `output` the move δ of least norm with x + δ on the hyperplane and within the bounds; where no such point
   * exists, the move to the corner of the box that comes nearest.
   * @param residual γ = ⟨w, x⟩ − c: how far off the point is, in the hyperplane's own measure.
   * @returns ‖δ‖
   */
  move(point: Float32Array, residual: number, output: Float64Array): number
}

type Bounds = readonly [low: number, high: number]

/**
 * Prepares moves of so many components. Each component moves against γ·w_i at most up to its bound.
 * Where |w_i| is not above 10⁻⁸ of the largest it stays, since rounding alone could send it all the way.
 * @see Croce and Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack", arXiv:1907.02044, section 2.2
 */
export function prepareProjections(
  norm: Norm,
  bounds: Bounds,
  size: number,
): HyperplaneProjections {
  return norm === 'L1' ? prepareOrderedMoves(bounds, size) : prepareScaledMoves(norm, bounds, size)
}

const negligible = 1e-8

function leastMoving(normal: Float32Array): number {
  return negligible * gradientNorms(normal).largest
}

/**
 * Linf and L2: δ_i = λ d_i up to the bounds, with d_i = sign(w_i) in Linf and w_i in L2. Loops work on w with zeros where
 * components stay; w_i d_i is what a component that is not at its bound contributes for each unit of λ.
 */
function prepareScaledMoves(
  norm: 'Linf' | 'L2',
  bounds: Bounds,
  size: number,
): HyperplaneProjections {
  const weights = new Float32Array(size)
  const loops = scaledLoops[norm]
  let slope = 0
  return {
    face(normal) {
      slope = loops.face.run({ normal, weights }, { least: leastMoving(normal) }).slope
    },
    move(point, residual, output) {
      const [low, high] = bounds
      const toward = -Math.sign(residual)
      const boundAt = loops.findBound.over({ point, weights })
      const scale = solve(Math.abs(residual), slope, (scale) =>
        boundAt({ toward, scale, low, high }),
      )
      const arrays = { point, weights, output }
      const { longest, squares } = loops.move.run(arrays, { scale: toward * scale, low, high })
      return norm === 'Linf' ? longest : Math.sqrt(squares)
    },
  }
}

/**
 * The λ ≥ 0 with Σ |w_i| · min(λ |d_i|, room_i) = γ, or one that no room is beyond if they are too small. The sum is
 * concave in λ: each round solves for the components that are not at their bounds yet, stays below the solution, and puts at least
 * one more at its bound.
 * @param boundAt Σ |w_i| · room_i of the components that are at their bounds at λ, and Σ w_i d_i of the others.
 */
function solve(
  residual: number,
  slope: number,
  boundAt: (scale: number) => { readonly used: number; readonly open: number },
): number {
  let scale = 0
  let rest = residual
  let rate = slope
  for (;;) {
    // Not Infinity, which would make NaN of a component that stays.
    const next = Math.min(rest / rate, Number.MAX_VALUE)
    if (!(next > scale)) return scale
    scale = next
    const { used, open } = boundAt(scale)
    rest = residual - used
    rate = open
  }
}

/** What differs between the norms, as expressions. */
interface ScaledTerms {
  /** d_i of w_i */
  direction(weight: Term): Term
  /** λ |d_i|, of |w_i|; where w_i is zero it does not matter. */
  length(scale: Term, size: Term): Term
  /** w_i d_i, of |w_i| */
  rate(size: Term): Term
}

function prepareScaledLoops({ direction, length, rate }: ScaledTerms) {
  return {
    face: vectorLoop({
      arrays: { normal: 'float32', weights: 'float32' },
      scalars: ['least'],
      body({ normal, least }) {
        const weights = v.when(v.less(least, v.abs(normal)), normal)
        return { writes: { weights }, sums: { slope: rate(v.abs(weights)) } }
      },
    }),
    findBound: vectorLoop({
      arrays: { point: 'float32', weights: 'float32' },
      scalars: ['toward', 'scale', 'low', 'high'],
      body({ point, weights, toward, scale, low, high }) {
        const size = v.abs(weights)
        const isUp = v.less(0, v.mul(toward, weights))
        const room = v.select(isUp, v.sub(high, point), v.sub(point, low))
        const isAtBound = v.atMost(room, length(scale, size))
        const used = v.when(isAtBound, v.mul(size, room))
        const open = v.unless(isAtBound, rate(size))
        return { sums: { used, open } }
      },
    }),
    move: vectorLoop({
      arrays: { point: 'float32', weights: 'float32', output: 'float64' },
      scalars: ['scale', 'low', 'high'],
      body({ point, weights, scale, low, high }) {
        const reached = v.clip(v.add(point, v.mul(scale, direction(weights))), low, high)
        const output = v.sub(reached, point)
        return {
          writes: { output },
          sums: { squares: v.mul(output, output) },
          largest: { longest: v.abs(output) },
        }
      },
    }),
  }
}

const scaledLoops = {
  Linf: prepareScaledLoops({
    direction: (weight) => v.sign(weight),
    length: (scale) => scale,
    rate: (size) => size,
  }),
  L2: prepareScaledLoops({
    direction: (weight) => weight,
    length: (scale, size) => v.mul(scale, size),
    rate: (size) => v.mul(size, size),
  }),
}

/** L1: each component all the way to its bound, in the order of |w_i|, and the last as far as is needed. */
function prepareOrderedMoves([low, high]: Bounds, size: number): HyperplaneProjections {
  const signs = new Float64Array(size)
  const weights = new Float64Array(size)
  const open = new Uint32Array(size)
  return {
    face(normal) {
      const least = leastMoving(normal)
      for (let i = 0; i < size; i++) {
        const weight = normal[i]!
        const sign = Number(weight > least) - Number(weight < -least)
        signs[i] = sign
        weights[i] = sign * weight
      }
    },
    move(point, residual, output) {
      const toward = Math.sign(residual)
      for (let i = 0; i < size; i++) {
        const slope = toward * signs[i]!
        output[i] = Number(slope > 0) * (point[i]! - low) + Number(slope < 0) * (high - point[i]!)
      }
      const { least, left } = findLeastWeight(weights, Math.abs(residual), output, open)
      let rest = left
      let sum = 0
      for (let i = 0; i < size; i++) {
        const weight = weights[i]!
        if (weight > least) {
          sum += output[i]!
        } else if (weight === least && weight > 0) {
          const length = Math.min(output[i]!, rest / weight)
          rest = Math.max(rest - weight * output[i]!, 0)
          sum += length
          output[i] = length
        } else {
          output[i] = 0
        }
      }
      for (let i = 0; i < size; i++) output[i]! *= 1 - 2 * Number(toward * signs[i]! > 0)
      return sum
    },
  }
}

/**
 * The weight down to which components have to move all the way, and what those of that very weight are left to do; 0 if
 * all have to. By selection: of the components in question, those heavier than a pivot are counted, and one side is dropped.
 * @param open scratch.
 */
function findLeastWeight(
  weights: Float64Array,
  needed: number,
  rooms: Float64Array,
  open: Uint32Array,
): { readonly least: number; readonly left: number } {
  let count = 0
  for (let i = 0; i < rooms.length; i++) if (rooms[i]! > 0) open[count++] = i
  let left = needed
  while (count > 0) {
    const pivot = weights[open[count >> 1]!]!
    let heavier = 0
    let equal = 0
    for (let k = 0; k < count; k++) {
      const i = open[k]!
      const weight = weights[i]!
      if (weight > pivot) heavier += weight * rooms[i]!
      else if (weight === pivot) equal += weight * rooms[i]!
    }
    const among = heavier > left
    if (!among && heavier + equal >= left) return { least: pivot, left: left - heavier }
    if (!among) left -= heavier + equal
    let kept = 0
    for (let k = 0; k < count; k++) {
      const i = open[k]!
      const weight = weights[i]!
      if (among ? weight > pivot : weight < pivot) open[kept++] = i
    }
    count = kept
  }
  return { least: 0, left }
}
