/** How APGD moves one example: its steps, and when it halves them. */
import type { Ball } from '../threat/ball.ts'
import type { Norm } from '../threat/threat-model.ts'
import type { RandomStream } from '../random.ts'
import { sparseAscent } from './sparse-ascent.ts'
import { steepestStep } from './steepest-step.ts'

/** Where the ascent of one example stands. `point` and `gradient` belong together, and so do `best` and `bestGradient`. */
export interface Ascent {
  ball: Ball
  /** x⁽ᵏ⁾ */
  readonly point: Float32Array
  /** x⁽ᵏ⁻¹⁾ */
  readonly previous: Float32Array
  readonly gradient: Float32Array
  /** The point with the highest loss since `begin`. */
  readonly best: Float32Array
  readonly bestGradient: Float32Array
  bestLoss: number
  /** Of the last point that was evaluated, before any return to the best. */
  lastLoss: number
  /** k: steps made since `begin`. */
  step: number
  /** Steps from begin to end. */
  steps: number
  /** η */
  stepSize: number
  /** Steps of this window that raised the loss. */
  rises: number
  /** The step at which the window began. */
  windowStart: number
  /** What the last checkpoint saw. The first has none before it, and counts as if the step size had been halved. */
  halvedBefore: boolean
  bestLossBefore: number
  /** L1: the fraction of components that a step moves, and how many the best point had changed at the last checkpoint. */
  density: number
  changedBefore: number
}

/** What differs between norms. `scratch` is as long as a point, and its content means nothing between calls. */
export interface AscentRule {
  /** Draws the first point, not yet projected. */
  start(ball: Ball, stream: RandomStream, scratch: Float64Array): void
  /** Sets what depends on ball, steps and first point. */
  begin(ascent: Ascent, started: 'at random' | 'at a point'): void
  /** Moves `point` along `gradient`, and makes it `previous`. */
  move(ascent: Ascent, scratch: Float64Array): void
  /** After each evaluation but the first: at a checkpoint, changes the step size and may go back to the best point. */
  review(ascent: Ascent): void
}

/** ρ: the share of steps in a window that has to raise the loss. */
const share = 0.75
/** Weight of the new direction; the rest goes on along the last one. */
const fresh = 0.75

/**
 * The steps after which APGD looks back (Croce and Hein 2020, arXiv:2003.01690, section 3): windows of
 * max(⌊0.22 N⌋, 1) steps, each shorter than the last by max(⌊0.03 N⌋, 1), but never below max(⌊0.06 N⌋, 1).
 */
export function checkpoints(steps: number): readonly number[] {
  const shrink = Math.max(Math.floor(0.03 * steps), 1)
  const least = Math.max(Math.floor(0.06 * steps), 1)
  const found: number[] = []
  let width = Math.max(Math.floor(0.22 * steps), 1)
  for (let at = width; at < steps; at += width) {
    found.push(at)
    width = Math.max(width - shrink, least)
  }
  return found
}

/** Goes back to the best point. `previous` stays, as in the reference. */
export function returnToBest({ point, best, gradient, bestGradient }: Ascent): void {
  point.set(best)
  gradient.set(bestGradient)
}

/** Steps with momentum that are halved where they stop to help (algorithm 1). */
const halving: Omit<AscentRule, 'start'> = {
  begin(ascent) {
    ascent.stepSize = 2 * ascent.ball.threatModel.epsilon
    ascent.halvedBefore = true
    ascent.bestLossBefore = ascent.bestLoss
  },

  // u = P(x⁽ᵏ⁾ + η·dir), x⁽ᵏ⁺¹⁾ = P(x⁽ᵏ⁾ + a (u − x⁽ᵏ⁾) + (1 − a)(x⁽ᵏ⁾ − x⁽ᵏ⁻¹⁾)), a = 1 at first, then 0.75
  move({ ball, point, previous, gradient, step, stepSize }, scratch) {
    const { norm } = ball.threatModel
    steepestStep(norm, {
      point,
      gradient,
      velocity: noVelocity,
      momentum: 0,
      length: stepSize,
      output: scratch,
    })
    if (step > 0) {
      const next = new Float32Array(point.length)
      ball.project(scratch, next)
      for (let i = 0; i < point.length; i++) {
        const x = point[i]!
        scratch[i] = x + fresh * (next[i]! - x) + (1 - fresh) * (x - previous[i]!)
      }
    }
    previous.set(point)
    ball.project(scratch, point)
  },

  review(ascent) {
    if (!checkpoints(ascent.steps).includes(ascent.step)) return
    const width = ascent.step - ascent.windowStart
    const stuck = !ascent.halvedBefore && ascent.bestLossBefore >= ascent.bestLoss
    ascent.halvedBefore = stuck || ascent.rises <= share * width
    ascent.bestLossBefore = ascent.bestLoss
    if (!ascent.halvedBefore) return
    ascent.stepSize /= 2
    returnToBest(ascent)
  },
}

const noVelocity = new Float64Array(0)

/** The rule of each norm. Linf and L2 start on the surface of the ball, before it is cut by the bounds. */
export const ascentRules: Readonly<Record<Norm, AscentRule>> = {
  Linf: {
    ...halving,
    // t ~ U(−1, 1)ᵈ, x + ε t / ‖t‖∞
    start({ center, threatModel: { epsilon } }, stream, scratch) {
      let largest = 0
      for (let i = 0; i < scratch.length; i++) {
        scratch[i] = 2 * stream.uniform() - 1
        largest = Math.max(largest, Math.abs(scratch[i]!))
      }
      addTo(center, epsilon / Math.max(largest, 1e-12), scratch)
    },
  },
  L2: {
    ...halving,
    // t ~ N(0, I), x + ε t / ‖t‖₂
    start({ center, threatModel: { epsilon } }, stream, scratch) {
      let squares = 0
      for (let i = 0; i < scratch.length; i++) {
        scratch[i] = stream.normal()
        squares += scratch[i]! ** 2
      }
      addTo(center, epsilon / Math.max(Math.sqrt(squares), 1e-12), scratch)
    },
  },
  L1: sparseAscent,
}

function addTo(center: Float32Array, scale: number, scratch: Float64Array): void {
  for (let i = 0; i < scratch.length; i++) scratch[i] = center[i]! + scale * scratch[i]!
}
