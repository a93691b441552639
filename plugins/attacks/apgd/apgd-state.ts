/** Where APGD stands with one example, and when it looks back. */
import type { Ball } from '../../../core/api/attack.ts'
import type { RandomStream } from '../../../core/api/plugin.ts'

/** Where the ascent of one example stands. `point` and `gradient` belong together, and so do `best` and `bestGradient`. */
export interface ApgdState {
  ball: Ball
  /** x⁽ᵏ⁾ */
  readonly point: Float32Array
  /** x⁽ᵏ⁻¹⁾ */
  readonly previous: Float32Array
  readonly gradient: Float32Array
  /** The point with the highest loss since `begin`. */
  readonly best: Float32Array
  readonly bestGradient: Float32Array
  /** For a rule's own use within a move. */
  readonly spare: Float32Array
  bestLoss: number
  /** Of the last point that was evaluated, before any return to the best. */
  lastLoss: number
  /** k: steps made since `begin`. */
  step: number
  /** Steps from begin to end, and after which of them the rule looks back. */
  steps: number
  checkpoints: readonly number[]
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

/** A part of a run, within a ball of its own. */
export interface Phase {
  readonly epsilon: number
  readonly steps: number
}

/** What differs between norms. `scratch` is as long as a point, and its content means nothing between calls. */
export interface ApgdRule {
  /** What a run of so many steps consists of; the last phase has the ε of the threat model. */
  phases(epsilon: number, steps: number): readonly Phase[]
  /** Draws the first point, not yet projected. */
  start(ball: Ball, stream: RandomStream, scratch: Float64Array): void
  /** Sets step size, checkpoints and whatever depends on the first point. */
  begin(ascent: ApgdState, started: 'at random' | 'at a point'): void
  /** Moves `point` along `gradient`, and makes it `previous`. */
  move(ascent: ApgdState, scratch: Float64Array): void
  /** After each evaluation but the first: at a checkpoint, changes the step size and may go back to the best point. */
  review(ascent: ApgdState): void
}

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
export function returnToBest({ point, best, gradient, bestGradient }: ApgdState): void {
  point.set(best)
  gradient.set(bestGradient)
}

/** The state of an example before its first point. */
export function newApgdState(ball: Ball): ApgdState {
  const size = ball.center.length
  return {
    ball,
    point: new Float32Array(size),
    previous: new Float32Array(size),
    gradient: new Float32Array(size),
    best: new Float32Array(size),
    bestGradient: new Float32Array(size),
    spare: new Float32Array(size),
    bestLoss: -Infinity,
    lastLoss: -Infinity,
    step: 0,
    steps: 0,
    checkpoints: [],
    stepSize: 0,
    rises: 0,
    windowStart: 0,
    halvedBefore: true,
    bestLossBefore: -Infinity,
    density: 0,
    changedBefore: 0,
  }
}
