/** The shortest move onto a hyperplane within bounds: what FAB makes of a linearized decision. */
import type { Norm } from '../threat/threat-model.ts'

/** Moves onto hyperplanes {z : ⟨w, z⟩ = c}, several of which may share their w. */
export interface HyperplaneMoves {
  /** Sets w for the moves to come. It is not copied. */
  face(normal: ArrayLike<number>): void
  /**
   * Writes into `output` the move δ of least norm with x + δ on the hyperplane and within the bounds; where no such point
   * exists, the move to the corner of the box that comes nearest.
   * @param residual γ = ⟨w, x⟩ − c: how far off the point is, in the hyperplane's own measure.
   * @returns ‖δ‖
   */
  move(point: ArrayLike<number>, residual: number, output: Float64Array): number
}

type Bounds = readonly [low: number, high: number]

/**
 * Prepares moves of so many components. Each component moves against γ·w_i at most up to its bound.
 * Where |w_i| is not above 10⁻⁸ of the largest it stays, since rounding alone could send it all the way.
 * @see Croce and Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack", arXiv:1907.02044, section 2.2
 */
export function prepareMoves(norm: Norm, bounds: Bounds, size: number): HyperplaneMoves {
  return norm === 'L1' ? prepareOrderedMoves(bounds, size) : prepareScaledMoves(norm, bounds, size)
}

const negligible = 1e-8
/** By how much λ may grow before components are picked anew. */
const lookAhead = 1.1

function leastMoving(normal: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < normal.length; i++) largest = Math.max(largest, Math.abs(normal[i]!))
  return negligible * largest
}

/** How components move in Linf and L2: δ_i = λ d_i up to the bounds. */
interface Facing {
  readonly norm: 'Linf' | 'L2'
  readonly bounds: Bounds
  normal: ArrayLike<number>
  /** d_i: sign(w_i) in Linf, w_i in L2; 0 where a component stays. */
  readonly directions: Float64Array
  /** Σ w_i d_i */
  slope: number
  /** Scratch for components close to their bounds: which, and how far from them. */
  readonly near: Uint32Array
  readonly rooms: Float64Array
}

/** The loops take what they work on as parameters, which engines run faster than what a closure holds. */
function prepareScaledMoves(norm: 'Linf' | 'L2', bounds: Bounds, size: number): HyperplaneMoves {
  const facing: Facing = {
    norm,
    bounds,
    normal: [],
    directions: new Float64Array(size),
    slope: 0,
    near: new Uint32Array(size),
    rooms: new Float64Array(size),
  }
  return {
    face(normal) {
      facing.normal = normal
      facing.slope = writeDirections(facing)
    },
    move(point, residual, output) {
      const scale = findScale(facing, point, residual)
      return moveAlong(facing, point, -Math.sign(residual) * scale, output)
    },
  }
}

/** Returns Σ w_i d_i. */
function writeDirections({ norm, normal, directions }: Facing): number {
  const least = leastMoving(normal)
  const signsOnly = norm === 'Linf'
  let slope = 0
  for (let i = 0; i < directions.length; i++) {
    const weight = normal[i]!
    // The signs of gradients are as good as random, so branches on them would cost more than this.
    const sign = Number(weight > least) - Number(weight < -least)
    const direction = signsOnly ? sign : sign * sign * weight
    directions[i] = direction
    slope += weight * direction
  }
  return slope
}

/** Writes δ; returns ‖δ‖. */
function moveAlong(
  { norm, bounds, directions }: Facing,
  point: ArrayLike<number>,
  scale: number,
  output: Float64Array,
): number {
  const [low, high] = bounds
  let longest = 0
  let squares = 0
  for (let i = 0; i < output.length; i++) {
    const x = point[i]!
    const delta = Math.min(Math.max(x + scale * directions[i]!, low), high) - x
    output[i] = delta
    if (Math.abs(delta) > longest) longest = Math.abs(delta)
    squares += delta * delta
  }
  return norm === 'Linf' ? longest : Math.sqrt(squares)
}

/**
 * The λ ≥ 0 with Σ |w_i| · min(λ |d_i|, room_i) = |γ|, or one that no room is beyond if they are too small. The sum is
 * concave in λ: each round solves for the components that are not at their bounds yet, stays below the solution, and puts at least
 * one more at its bound. Rounds look only at components that would be there by a λ a little larger, and pick those anew beyond it.
 */
function findScale(
  { bounds, normal, directions, slope, near, rooms }: Facing,
  point: ArrayLike<number>,
  residual: number,
): number {
  const [low, high] = bounds
  const toward = -Math.sign(residual)
  let scale = 0
  let reach = 0
  let count = 0
  for (;;) {
    let rest = Math.abs(residual)
    let open = slope
    for (let k = 0; k < count; k++) {
      const i = near[k]!
      if (scale * Math.abs(directions[i]!) < rooms[k]!) continue
      rest -= Math.abs(normal[i]!) * rooms[k]!
      open -= normal[i]! * directions[i]!
    }
    // Not Infinity, which would make NaN of a component that stays.
    const next = Math.min(rest / open, Number.MAX_VALUE)
    if (!(next > scale)) return scale
    scale = next
    if (scale <= reach) continue
    reach = Math.min(lookAhead * scale, Number.MAX_VALUE)
    count = 0
    for (let i = 0; i < directions.length; i++) {
      const x = point[i]!
      const moved = x + toward * reach * directions[i]!
      if (moved > low && moved < high) continue
      near[count] = i
      rooms[count++] = moved <= low ? x - low : high - x
    }
  }
}

/** L1: each component all the way to its bound, in the order of |w_i|, and the last as far as is needed. */
function prepareOrderedMoves([low, high]: Bounds, size: number): HyperplaneMoves {
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
