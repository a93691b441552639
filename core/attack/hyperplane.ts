/** The shortest move onto a hyperplane within bounds: what FAB makes of a linearized decision. */
import type { Norm } from '../threat/threat-model.ts'

export interface Hyperplane {
  /** w: it is {z : ⟨w, z⟩ = c} */
  readonly normal: ArrayLike<number>
  /** γ = ⟨w, x⟩ − c: how far off the point is, in the hyperplane's own measure. */
  readonly residual: number
}

/**
 * Writes into `output` the move δ of least norm with x + δ on the hyperplane and within the bounds; where no such point
 * exists, the move to the corner of the box that comes nearest. Each component moves against γ·w_i at most up to its bound.
 * Where |w_i| is below 10⁻⁸ of the largest it stays, since rounding alone could send it all the way.
 * @see Croce and Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack", arXiv:1907.02044, section 2.2
 */
export function moveOntoHyperplane(
  norm: Norm,
  point: ArrayLike<number>,
  hyperplane: Hyperplane,
  bounds: readonly [low: number, high: number],
  output: Float64Array,
): void {
  const { normal, residual } = hyperplane
  const [low, high] = bounds
  let largest = 0
  for (let i = 0; i < output.length; i++) largest = Math.max(largest, Math.abs(normal[i]!))
  // The signs of gradients are as good as random, so branches on them would cost more than the products.
  const toward = Math.sign(residual)
  for (let i = 0; i < output.length; i++) {
    const weight = normal[i]!
    const moves = Number(Math.abs(weight) >= negligible * largest)
    const slope = toward * weight
    const room = Number(slope > 0) * (point[i]! - low) + Number(slope < 0) * (high - point[i]!)
    output[i] = moves * room
  }
  // The rooms become lengths of moves.
  lengths[norm](normal, Math.abs(residual), output)
  for (let i = 0; i < output.length; i++) {
    output[i] = output[i]! * (1 - 2 * Number(toward * normal[i]! > 0))
  }
}

const negligible = 1e-8

/** Cuts each room down to the length of the move, so that Σ |w_i| · length_i is `needed`, or leaves them where they are too small. */
type Shorten = (normal: ArrayLike<number>, needed: number, rooms: Float64Array) => void

const lengths: Readonly<Record<Norm, Shorten>> = {
  // min(λ, room_i)
  Linf(normal, needed, rooms) {
    const scale = findScale(normal, needed, rooms, 0)
    for (let i = 0; i < rooms.length; i++) rooms[i] = Math.min(scale, rooms[i]!)
  },
  // min(λ |w_i|, room_i)
  L2(normal, needed, rooms) {
    const scale = findScale(normal, needed, rooms, 1)
    for (let i = 0; i < rooms.length; i++) {
      if (rooms[i]! > 0) rooms[i] = Math.min(scale * Math.abs(normal[i]!), rooms[i]!)
    }
  },
  // All of room_i in the order of |w_i|, and of the last what is needed
  L1(normal, needed, rooms) {
    const { least, left } = findLeastWeight(normal, needed, rooms)
    let rest = left
    for (let i = 0; i < rooms.length; i++) {
      const weight = Math.abs(normal[i]!)
      if (weight > least || rooms[i] === 0) continue
      const room = rooms[i]!
      rooms[i] = weight < least ? 0 : Math.min(room, rest / weight)
      if (weight === least) rest = Math.max(rest - weight * room, 0)
    }
  },
}

/**
 * The weight down to which components have to move all the way, and what those of that very weight are left to do; 0 if
 * all have to. By selection: of the components in question, those heavier than a pivot are counted, and one side is dropped.
 */
function findLeastWeight(
  normal: ArrayLike<number>,
  needed: number,
  rooms: Float64Array,
): { readonly least: number; readonly left: number } {
  const open = new Uint32Array(rooms.length)
  let count = 0
  for (let i = 0; i < rooms.length; i++) if (rooms[i]! > 0) open[count++] = i
  let left = needed
  while (count > 0) {
    const pivot = Math.abs(normal[open[count >> 1]!]!)
    let heavier = 0
    let equal = 0
    for (let k = 0; k < count; k++) {
      const i = open[k]!
      const weight = Math.abs(normal[i]!)
      if (weight > pivot) heavier += weight * rooms[i]!
      else if (weight === pivot) equal += weight * rooms[i]!
    }
    const among = heavier > left
    if (!among && heavier + equal >= left) return { least: pivot, left: left - heavier }
    if (!among) left -= heavier + equal
    let kept = 0
    for (let k = 0; k < count; k++) {
      const i = open[k]!
      const weight = Math.abs(normal[i]!)
      if (among ? weight > pivot : weight < pivot) open[kept++] = i
    }
    count = kept
  }
  return { least: 0, left }
}

/**
 * The λ with Σ |w_i| · min(λ |w_i|ᵖ, room_i) = needed, or Infinity if the rooms are too small. The sum is concave in λ: each
 * round solves for the components that are not at their ends yet, stays below the solution, and puts at least one more at its end.
 */
function findScale(
  normal: ArrayLike<number>,
  needed: number,
  rooms: Float64Array,
  power: 0 | 1,
): number {
  let scale = 0
  for (;;) {
    let full = 0
    let slope = 0
    for (let i = 0; i < rooms.length; i++) {
      const weight = Math.abs(normal[i]!)
      const rate = power === 1 ? weight : 1
      if (scale * rate >= rooms[i]!) full += weight * rooms[i]!
      else slope += weight * rate
    }
    if (slope === 0) return Infinity
    const next = (needed - full) / slope
    if (!(next > scale)) return scale
    scale = next
  }
}
