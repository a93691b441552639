/** Square in L2 and L1: proposals that move perturbation mass from one window to another. */
import { randomSign } from './square-proposal.ts'
import type { SquareProposal } from './square-proposal.ts'

/**
 * The differences between the two norms. The mass of a perturbation is additive over components;
 * its length is the norm, ‖δ‖₂ = √mass or ‖δ‖₁ = mass.
 */
interface Measure {
  /** Weight of the k-th ring of a bump. */
  ring(k: number): number
  /** Mass of one component. */
  mass(value: number): number
  /** The norm of a perturbation, from its mass. */
  length(mass: number): number
  /** The inverse of `length`. */
  massOf(length: number): number
  /** Factor of a new bump's length. */
  excess(channels: number): number
  /** Factor of a perturbation of the given length before it is projected. */
  scale(epsilon: number, length: number): number
}

const measures: Readonly<Record<'L2' | 'L1', Measure>> = {
  L2: {
    ring: (k) => 1 / (k + 1) ** 2,
    mass: (value) => value * value,
    length: Math.sqrt,
    massOf: (length) => length * length,
    excess: () => 1,
    scale: (epsilon, length) => epsilon / length,
  },
  // Bumps are deliberately too long: the projection subtracts the same amount from every component,
  // which leaves the perturbation sparse.
  L1: {
    ring: (k) => 1 / (k + 1) ** 4,
    mass: Math.abs,
    length: (mass) => mass,
    massOf: (length) => length,
    excess: (channels) => channels,
    scale: (epsilon, length) => Math.max(epsilon / length, 1),
  },
}

/** Lengths are at least this when divided by. */
const leastLength = 1e-12

/**
 * The first point: a grid of bumps with sides of a fifth of the image's shorter side and a random
 * sign for each bump and channel. The perturbation has length ε (L2) or at least ε (L1).
 */
export function drawTiles(proposal: SquareProposal): void {
  const { shape, stream, output } = proposal
  const [channels, height, width] = shape
  const measure = measureOf(proposal)
  const side = Math.max(Math.floor(Math.min(height, width) / 5), 1)
  const pattern = twinBump(side, measure, stream.integer(2) === 1)
  const [rows, columns] = [Math.floor(height / side), Math.floor(width / side)]
  const [top, left] = [(height - rows * side) >> 1, (width - columns * side) >> 1]
  output.fill(0)
  for (let channel = 0; channel < channels; channel++) {
    const values = channelOf(proposal, channel)
    for (let tile = 0; tile < rows * columns; tile++) {
      const sign = randomSign(stream)
      const window = windowPixels(width, side, {
        top: top + Math.floor(tile / columns) * side,
        left: left + (tile % columns) * side,
      })
      window.forEach((at, place) => {
        values[at] = sign * pattern[place]!
      })
    }
  }
  scaleToSurface(proposal, measure)
}

/**
 * Moves mass to a random target window (algorithm 3). In each channel, the new bump is a twin bump
 * of random sign plus the perturbation that the target held, scaled to unit length. Its mass is
 * that of the target and of a second random window, which is set to 0, plus the unused mass of the
 * ball.
 */
export function proposeBump(proposal: SquareProposal): void {
  const { ball, best, shape, side, stream, output } = proposal
  const [channels, , width] = shape
  const measure = measureOf(proposal)
  for (let i = 0; i < output.length; i++) output[i] = best[i]! - ball.center[i]!
  const unused = measure.massOf(ball.threatModel.epsilon) - totalMass(output, measure)
  const unusedPerChannel = Math.max(unused, 0) / channels
  const pattern = twinBump(side, measure, stream.integer(2) === 1)
  const target = windowPixels(width, side, drawCorner(proposal))
  const source = windowPixels(width, side, drawCorner(proposal))
  for (let channel = 0; channel < channels; channel++) {
    const values = channelOf(proposal, channel)
    const held = addMass(0, values, target, measure)
    const heldLength = Math.max(measure.length(held), leastLength)
    const sign = randomSign(stream)
    const bump = Float64Array.from(
      target,
      (at, place) => sign * pattern[place]! + values[at]! / heldLength,
    )
    // The target is cleared before the source is measured, so an overlap counts once.
    clear(values, target)
    const freed = addMass(held, values, source, measure)
    clear(values, source)
    const length = measure.excess(channels) * measure.length(unusedPerChannel + freed)
    const scale = length / Math.max(measure.length(totalMass(bump, measure)), leastLength)
    target.forEach((at, place) => {
      values[at] = scale * bump[place]!
    })
  }
  scaleToSurface(proposal, measure)
}

/** Turns a perturbation into a point in its direction, at distance ε (L2) or at least ε (L1). */
function scaleToSurface({ ball, output }: SquareProposal, measure: Measure): void {
  const length = Math.max(measure.length(totalMass(output, measure)), leastLength)
  const scale = measure.scale(ball.threatModel.epsilon, length)
  for (let i = 0; i < output.length; i++) output[i] = ball.center[i]! + scale * output[i]!
}

/**
 * A window `[side, side]` of unit length: a bump and its negative, one in each half.
 * @param across left and right halves; otherwise upper and lower halves
 */
function twinBump(side: number, measure: Measure, across: boolean): Float64Array {
  const upper = Math.floor(side / 2)
  const pattern = new Float64Array(side * side)
  addBump(pattern, { from: 0, rows: upper, columns: side, sign: 1 }, measure)
  addBump(pattern, { from: upper, rows: side - upper, columns: side, sign: -1 }, measure)
  const length = measure.length(totalMass(pattern, measure))
  return pattern.map((_, place) => {
    const [row, column] = [Math.floor(place / side), place % side]
    return pattern[across ? column * side + row : place]! / length
  })
}

/** Writes a bump of unit length into some rows: concentric rings whose weight falls outward. */
function addBump(
  pattern: Float64Array,
  { from, rows, columns, sign }: { from: number; rows: number; columns: number; sign: 1 | -1 },
  measure: Measure,
): void {
  const [middleRow, middleColumn] = [Math.floor(rows / 2), Math.floor(columns / 2)]
  const values = new Float64Array(rows * columns)
  // A bump is a sum of filled squares; a component is inside those of its own ring and beyond.
  const weights = new Float64Array(Math.max(middleRow, middleColumn) + 2)
  for (let k = weights.length - 2; k >= 0; k--) weights[k] = weights[k + 1]! + measure.ring(k)
  for (let place = 0; place < values.length; place++) {
    const ring = Math.max(
      Math.abs(Math.floor(place / columns) - middleRow),
      Math.abs((place % columns) - middleColumn),
    )
    values[place] = weights[ring]!
  }
  const length = measure.length(totalMass(values, measure))
  values.forEach((value, place) => {
    pattern[from * columns + place] = (sign * value) / length
  })
}

/** The upper left corner of a random window. */
function drawCorner({ shape, side, stream }: SquareProposal): { top: number; left: number } {
  const [, height, width] = shape
  const top = stream.integer(height - side + 1)
  return { top, left: stream.integer(width - side + 1) }
}

/** `[side²]`: the indices of a window's pixels in a channel, row by row. */
function windowPixels(
  width: number,
  side: number,
  { top, left }: { readonly top: number; readonly left: number },
): Int32Array {
  return Int32Array.from(
    { length: side * side },
    (_, place) => (top + Math.floor(place / side)) * width + left + (place % side),
  )
}

/** One channel of the output, sharing its memory. */
function channelOf({ shape, output }: SquareProposal, channel: number): Float64Array {
  const plane = shape[1] * shape[2]
  return output.subarray(channel * plane, (channel + 1) * plane)
}

function clear(values: Float64Array, window: Int32Array): void {
  for (const at of window) values[at] = 0
}

/** Adds the masses of a window's values to a sum, one by one. */
function addMass(sum: number, values: Float64Array, window: Int32Array, measure: Measure): number {
  for (const at of window) sum += measure.mass(values[at]!)
  return sum
}

function totalMass(values: Float64Array, measure: Measure): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += measure.mass(values[i]!)
  return total
}

function measureOf({ ball }: SquareProposal): Measure {
  return measures[ball.threatModel.norm === 'L1' ? 'L1' : 'L2']
}
