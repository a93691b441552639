/** Square in L2 and L1: bumps whose mass moves from one window to another. */
import type { Norm } from '../../../core/api/plugin.ts'
import { randomSign } from './square-proposal.ts'
import type { SquareProposal } from './square-proposal.ts'

/** What differs between the two norms: how a bump falls off, and how masses of parts add up. */
interface Measure {
  /** Weight of the k-th ring of a bump. */
  ring(k: number): number
  /** Of one component. */
  mass(value: number): number
  /** From a sum of masses to a length, and back. */
  length(mass: number): number
  massOf(length: number): number
  /** How much longer than the mass at hand a new bump is made. */
  excess(channels: number): number
  /** By what a perturbation of that length is scaled before it is projected. */
  scale(epsilon: number, length: number): number
}

const measures: Readonly<Record<Exclude<Norm, 'Linf'>, Measure>> = {
  L2: {
    ring: (k) => 1 / (k + 1) ** 2,
    mass: (value) => value * value,
    length: Math.sqrt,
    massOf: (length) => length * length,
    excess: () => 1,
    scale: (epsilon, length) => epsilon / length,
  },
  // Too much on purpose: the projection takes the same off every component, and leaves the perturbation sparse.
  L1: {
    ring: (k) => 1 / (k + 1) ** 4,
    mass: Math.abs,
    length: (mass) => mass,
    massOf: (length) => length,
    excess: (channels) => channels,
    scale: (epsilon, length) => Math.max(epsilon / length, 1),
  },
}

/** Tiles of a fifth of the image's shorter side, each a bump with a random sign a channel, together at least of length ε. */
export function drawTiles(proposal: SquareProposal): void {
  const { shape, stream, output } = proposal
  const [channels, height, width] = shape
  const measure = measureOf(proposal)
  const side = Math.max(Math.floor(Math.min(height, width) / 5), 1)
  const pattern = twinBump(side, measure, stream.integer(2) === 1)
  const [rows, columns] = [Math.floor(height / side), Math.floor(width / side)]
  const [top, left] = [height - rows * side, width - columns * side].map((rest) => rest >> 1)
  output.fill(0)
  for (let channel = 0; channel < channels; channel++) {
    for (let tile = 0; tile < rows * columns; tile++) {
      const sign = randomSign(stream)
      const window = {
        channel,
        top: top! + Math.floor(tile / columns) * side,
        left: left! + (tile % columns) * side,
      }
      forWindow(shape, window, side, (at, place) => {
        output[at] = sign * pattern[place]!
      })
    }
  }
  scaleToSurface(proposal, measure)
}

/**
 * Empties a second window and gives its mass, with what is left of ε, to a new bump in the first: the bump on top of
 * what the first window held (algorithm 3).
 */
export function proposeBump(proposal: SquareProposal): void {
  const { ball, best, shape, side, stream, output } = proposal
  const [channels, height, width] = shape
  const measure = measureOf(proposal)
  let total = 0
  for (let i = 0; i < output.length; i++) {
    output[i] = best[i]! - ball.center[i]!
    total += measure.mass(output[i]!)
  }
  const pattern = twinBump(side, measure, stream.integer(2) === 1)
  const draw = (): { top: number; left: number } => ({
    top: stream.integer(height - side + 1),
    left: stream.integer(width - side + 1),
  })
  const [to, from] = [draw(), draw()]
  // What is left of ε, divided among the channels.
  const spare = Math.max(measure.massOf(ball.threatModel.epsilon) - total, 0) / channels
  const bump = new Float64Array(pattern.length)
  for (let channel = 0; channel < channels; channel++) {
    let held = 0
    let freed = 0
    forWindow(shape, { channel, ...to }, side, (at) => {
      held += measure.mass(output[at]!)
    })
    const heldLength = Math.max(measure.length(held), 1e-12)
    const sign = randomSign(stream)
    let made = 0
    forWindow(shape, { channel, ...to }, side, (at, place) => {
      bump[place] = sign * pattern[place]! + output[at]! / heldLength
      made += measure.mass(bump[place])
      freed += measure.mass(output[at]!)
      output[at] = 0
    })
    // Where the windows overlap the first has been emptied already, so nothing counts twice.
    forWindow(shape, { channel, ...from }, side, (at) => {
      freed += measure.mass(output[at]!)
      output[at] = 0
    })
    const length = measure.excess(channels) * measure.length(spare + freed)
    const scale = length / Math.max(measure.length(made), 1e-12)
    forWindow(shape, { channel, ...to }, side, (at, place) => {
      output[at] = scale * bump[place]!
    })
  }
  scaleToSurface(proposal, measure)
}

/** From a perturbation to a point in its direction, at distance ε (L2) or at least ε (L1). */
function scaleToSurface({ ball, output }: SquareProposal, measure: Measure): void {
  let total = 0
  for (let i = 0; i < output.length; i++) total += measure.mass(output[i]!)
  const scale = measure.scale(ball.threatModel.epsilon, Math.max(measure.length(total), 1e-12))
  for (let i = 0; i < output.length; i++) output[i] = ball.center[i]! + scale * output[i]!
}

/** A bump and its negative, each half of a window of `side` squared, of length 1 together; across or down. */
function twinBump(side: number, measure: Measure, across: boolean): Float64Array {
  const upper = Math.floor(side / 2)
  const pattern = new Float64Array(side * side)
  addBump(pattern, { from: 0, rows: upper, columns: side, sign: 1 }, measure)
  addBump(pattern, { from: upper, rows: side - upper, columns: side, sign: -1 }, measure)
  let total = 0
  for (const value of pattern) total += measure.mass(value)
  const length = measure.length(total)
  return pattern.map((_, place) => {
    const [row, column] = [Math.floor(place / side), place % side]
    return pattern[across ? column * side + row : place]! / length
  })
}

/** Rings of falling weight around the middle of some rows, of length 1. */
function addBump(
  pattern: Float64Array,
  { from, rows, columns, sign }: { from: number; rows: number; columns: number; sign: 1 | -1 },
  measure: Measure,
): void {
  const [middleRow, middleColumn] = [Math.floor(rows / 2), Math.floor(columns / 2)]
  const values = new Float64Array(rows * columns)
  // The k-th square holds all rings up to the k-th, so a component gets the weights of its ring and all beyond.
  const weights = new Float64Array(Math.max(middleRow, middleColumn) + 2)
  for (let k = weights.length - 2; k >= 0; k--) weights[k] = weights[k + 1]! + measure.ring(k)
  let total = 0
  for (let place = 0; place < values.length; place++) {
    const away = Math.max(
      Math.abs(Math.floor(place / columns) - middleRow),
      Math.abs((place % columns) - middleColumn),
    )
    values[place] = weights[away]!
    total += measure.mass(values[place]!)
  }
  const length = measure.length(total)
  values.forEach((value, place) => {
    pattern[from * columns + place] = (sign * value) / length
  })
}

function forWindow(
  [, height, width]: SquareProposal['shape'],
  { channel, top, left }: { channel: number; top: number; left: number },
  side: number,
  visit: (at: number, place: number) => void,
): void {
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      visit((channel * height + top + row) * width + left + column, row * side + column)
    }
  }
}

function measureOf({ ball }: SquareProposal): Measure {
  const { norm } = ball.threatModel
  return measures[norm === 'Linf' ? 'L2' : norm]
}
