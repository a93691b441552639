/** The exact projection onto an L1 ball within the bounds. */
import { roundDown, roundUp } from './rounding.ts'
import type { ThreatModel } from './threat-model.ts'
import { distance } from './verify.ts'

/**
 * Writes the point nearest to `point` (Euclidean) that is within the bounds and at most ε from
 * `center`, rounded inward as in `Ball.project`. With d = point − center and room_i the distance to
 * the bound, component i moves by min(max(|d_i| − λ, 0), room_i) in the direction of d_i, with the
 * smallest λ ≥ 0 for which the sum of these is at most ε.
 */
export function projectOntoL1(
  { epsilon, bounds }: ThreatModel,
  center: Float32Array,
  point: Float64Array,
  output: Float32Array,
): void {
  const low = roundUp(bounds[0])
  const high = roundDown(bounds[1])
  const lengths = new Float64Array(center.length)
  const rooms = new Float64Array(center.length)
  for (let i = 0; i < center.length; i++) {
    const d = point[i]! - center[i]!
    lengths[i] = Math.abs(d)
    rooms[i] = d < 0 ? center[i]! - low : high - center[i]!
  }
  const cut = findCut(lengths, rooms, epsilon)
  let scale = 1
  for (let step = 2 ** -52; ; step *= 2) {
    for (let i = 0; i < output.length; i++) {
      const x = center[i]!
      // Without a cut, the point itself: x + (point − x) can differ from it by rounding.
      const length = scale * Math.max(lengths[i]! - cut, 0)
      const moved = cut === 0 && scale === 1 ? point[i]! : point[i]! < x ? x - length : x + length
      const inside = moved < low ? low : moved > high ? high : moved
      output[i] = inside > x ? roundDown(inside) : roundUp(inside)
    }
    if (distance('L1', center, output) <= epsilon) return
    // Components were rounded toward x: only the last bits of the float64 sum can be too much.
    scale = Math.max(0, scale * (1 - step) - Number.MIN_VALUE)
  }
}

/**
 * λ. The sum decreases with λ and is linear between the values where a component becomes zero or
 * leaves its bound. Each iteration solves for the components that are in between at the last λ, and
 * bisects the bracket if the solution is outside it.
 */
function findCut(lengths: Float64Array, rooms: Float64Array, epsilon: number): number {
  let below = 0
  let above = 0
  for (const length of lengths) above = Math.max(above, length)
  let cut = 0
  for (;;) {
    let sum = 0
    let freeLengths = 0
    let free = 0
    for (let i = 0; i < lengths.length; i++) {
      const kept = lengths[i]! - cut
      if (kept <= 0) continue
      if (kept >= rooms[i]!) {
        sum += rooms[i]!
      } else {
        sum += kept
        freeLengths += lengths[i]!
        free += 1
      }
    }
    if (cut === 0 && sum <= epsilon) return 0
    if (sum > epsilon) below = cut
    else above = cut
    // Σ over free (|d_i| − λ) = ε − others, with others = sum − freeLengths + free · cut.
    const others = sum - (freeLengths - free * cut)
    const solved = (freeLengths - (epsilon - others)) / free
    if (free > 0 && Math.abs(solved - cut) <= 2 ** -50 * cut) return solved
    const next = solved > below && solved < above ? solved : (below + above) / 2
    if (!(next > below && next < above)) return above
    cut = next
  }
}
