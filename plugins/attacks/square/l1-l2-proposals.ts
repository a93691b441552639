/** Square in L2 and L1: proposals that move perturbation mass from one window to another. */
import { kernels, terms, v, vectorLoop } from '../../../core/api/attack.ts'
import type { Term } from '../../../core/api/attack.ts'
import { randomSign } from './square-proposal.ts'
import type { SquareProposal } from './square-proposal.ts'

/**
 * The differences between the two norms. The mass of a perturbation is additive over components;
 * its length is the norm, ‖δ‖₂ = √mass or ‖δ‖₁ = mass.
 */
interface Measure extends ReturnType<typeof massLoops> {
  /** Weight of the k-th ring of a bump. */
  ring(k: number): number
  /** Mass of a window's values: too few for a vector loop. */
  total(values: Float64Array): number
  /** Adds the mass of a window to a sum. */
  window(sum: number, values: Float64Array, window: Window): number
  /** The norm of a perturbation, from its mass. */
  length(mass: number): number
  /** The inverse of `length`. */
  massOf(length: number): number
  /** Factor of a new bump's length. */
  excess(channels: number): number
  /** Factor of a perturbation of the given length before it is projected. */
  scale(epsilon: number, length: number): number
}

/** The loops of a measure. @param mass of one component */
function massLoops(mass: (value: Term) => Term) {
  return {
    /** output ← best − center, and its mass. */
    difference: vectorLoop({
      arrays: { best: 'float32', center: 'float32', output: 'float64' },
      body({ best, center }) {
        const output = v.sub(best, center)
        return { writes: { output }, sums: { mass: mass(output) } }
      },
    }),
    /** Of a perturbation. */
    whole: vectorLoop({
      arrays: { output: 'float64' },
      body: ({ output }) => ({ sums: { mass: mass(output) } }),
    }),
  }
}

const measures: Readonly<Record<'L2' | 'L1', Measure>> = {
  L2: {
    ring: (k) => 1 / (k + 1) ** 2,
    ...massLoops(terms.squared),
    total: totalSquares,
    window: addSquares,
    length: Math.sqrt,
    massOf: (length) => length * length,
    excess: () => 1,
    scale: (epsilon, length) => epsilon / length,
  },
  // Bumps are deliberately too long: the projection subtracts the same amount from every component,
  // which leaves the perturbation sparse.
  L1: {
    ring: (k) => 1 / (k + 1) ** 4,
    ...massLoops(v.abs),
    total: totalMagnitudes,
    window: addMagnitudes,
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
      const from = {
        top: top + Math.floor(tile / columns) * side,
        left: left + (tile % columns) * side,
      }
      writeWindow(values, { ...from, side, width }, pattern, sign)
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
  const [channels] = shape
  const measure = measureOf(proposal)
  const { mass } = measure.difference.run({ best, center: ball.center, output }, {})
  const unused = measure.massOf(ball.threatModel.epsilon) - mass
  const unusedPerChannel = Math.max(unused, 0) / channels
  const pattern = twinBump(side, measure, stream.integer(2) === 1)
  const target = drawCorner(proposal)
  const source = drawCorner(proposal)
  const bump = new Float64Array(side * side)
  for (let channel = 0; channel < channels; channel++) {
    const values = channelOf(proposal, channel)
    readWindow(values, target, bump)
    const held = measure.total(bump)
    const heldLength = Math.max(measure.length(held), leastLength)
    mix(bump, heldLength, randomSign(stream), pattern)
    // The target is cleared before the source is measured, so an overlap counts once.
    clear(values, target)
    const freed = measure.window(held, values, source)
    clear(values, source)
    const length = measure.excess(channels) * measure.length(unusedPerChannel + freed)
    const scale = length / Math.max(measure.length(measure.total(bump)), leastLength)
    writeWindow(values, target, bump, scale)
  }
  scaleToSurface(proposal, measure)
}

/** Turns a perturbation into a point in its direction, at distance ε (L2) or at least ε (L1). */
function scaleToSurface({ ball, output }: SquareProposal, measure: Measure): void {
  const { center, threatModel } = ball
  const { mass } = measure.whole.run({ output }, {})
  const length = Math.max(measure.length(mass), leastLength)
  kernels.addScaled(center, measure.scale(threatModel.epsilon, length), output, output)
}

/** Patterns of `twinBump`. */
const bumps = new Map<Measure, Map<number, Float64Array>>()

/**
 * A window `[side, side]` of unit length: a bump and its negative, one in each half.
 * @param across left and right halves; otherwise upper and lower halves
 */
function twinBump(side: number, measure: Measure, across: boolean): Float64Array {
  const known = bumps.get(measure) ?? new Map<number, Float64Array>()
  bumps.set(measure, known)
  const key = 2 * side + (across ? 1 : 0)
  const pattern = known.get(key) ?? drawTwinBump(side, measure, across)
  known.set(key, pattern)
  return pattern
}

function drawTwinBump(side: number, measure: Measure, across: boolean): Float64Array {
  const upper = Math.floor(side / 2)
  const pattern = new Float64Array(side * side)
  addBump(pattern, { from: 0, rows: upper, columns: side, sign: 1 }, measure)
  addBump(pattern, { from: upper, rows: side - upper, columns: side, sign: -1 }, measure)
  const length = measure.length(measure.total(pattern))
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
  const length = measure.length(measure.total(values))
  values.forEach((value, place) => {
    pattern[from * columns + place] = (sign * value) / length
  })
}

/** A square of pixels in a channel of that width. */
interface Window {
  readonly top: number
  readonly left: number
  readonly side: number
  readonly width: number
}

/** A random window. */
function drawCorner({ shape, side, stream }: SquareProposal): Window {
  const [, height, width] = shape
  const top = stream.integer(height - side + 1)
  return { top, left: stream.integer(width - side + 1), side, width }
}

/** One channel of the output, sharing its memory. */
function channelOf({ shape, output }: SquareProposal, channel: number): Float64Array {
  const plane = shape[1] * shape[2]
  return output.subarray(channel * plane, (channel + 1) * plane)
}

function measureOf({ ball }: SquareProposal): Measure {
  return measures[ball.threatModel.norm === 'L1' ? 'L1' : 'L2']
}

// Windows are too small for vector loops. A call for each value took several times as long.

/** bump ← sign · pattern + bump / length */
function mix(bump: Float64Array, length: number, sign: number, pattern: Float64Array): void {
  for (let i = 0; i < bump.length; i++) bump[i] = sign * pattern[i]! + bump[i]! / length
}

function totalSquares(values: Float64Array): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]! * values[i]!
  return total
}

function totalMagnitudes(values: Float64Array): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += Math.abs(values[i]!)
  return total
}

function addSquares(sum: number, values: Float64Array, window: Window): number {
  const { top, left, side, width } = window
  for (let row = top; row < top + side; row++) {
    for (let at = row * width + left; at < row * width + left + side; at++) {
      sum += values[at]! * values[at]!
    }
  }
  return sum
}

function addMagnitudes(sum: number, values: Float64Array, window: Window): number {
  const { top, left, side, width } = window
  for (let row = top; row < top + side; row++) {
    for (let at = row * width + left; at < row * width + left + side; at++) {
      sum += Math.abs(values[at]!)
    }
  }
  return sum
}

function readWindow(values: Float64Array, window: Window, output: Float64Array): void {
  const { top, left, side, width } = window
  for (let row = 0; row < side; row++) {
    const from = (top + row) * width + left
    output.set(values.subarray(from, from + side), row * side)
  }
}

/** The values of a window become scale · pattern. */
function writeWindow(
  values: Float64Array,
  { top, left, side, width }: Window,
  pattern: Float64Array,
  scale: number,
): void {
  for (let row = 0; row < side; row++) {
    const from = (top + row) * width + left
    for (let column = 0; column < side; column++) {
      values[from + column] = scale * pattern[row * side + column]!
    }
  }
}

function clear(values: Float64Array, { top, left, side, width }: Window): void {
  for (let row = top; row < top + side; row++) {
    const from = row * width + left
    values.fill(0, from, from + side)
  }
}
