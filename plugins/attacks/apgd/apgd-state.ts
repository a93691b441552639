/** The state of APGD for one example, and what differs between norms. */
import type { Ball } from '../../../core/api/attack.ts'
import type { RandomStream } from '../../../core/api/plugin.ts'

/**
 * The state of the ascent of one example. `gradient` is taken at `point`, and `bestGradient` at
 * `best`.
 */
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
  /** Scratch of `move`. */
  readonly spare: Float32Array
  bestLoss: number
  /** Loss of the last evaluated point, before any return to the best one. */
  lastLoss: number
  /** k: steps since `begin`. */
  step: number
  /** Number of steps of this phase. */
  steps: number
  /** The steps after which `review` acts. */
  checkpoints: readonly number[]
  /** η */
  stepSize: number
  /** Number of steps that raised the loss since the last checkpoint. */
  rises: number
  /** The step of the last checkpoint. */
  lastCheckpoint: number
  /** Whether the last checkpoint halved the step size; true before the first checkpoint. */
  halvedBefore: boolean
  /** `bestLoss` at the last checkpoint. */
  bestLossBefore: number
  /** L1: the fraction of components that a step moves. */
  density: number
  /** L1: how many components of the best point differed from the input at the last checkpoint. */
  changedBefore: number
}

/** A part of a run with its own radius. */
export interface Phase {
  readonly epsilon: number
  readonly steps: number
}

/**
 * The variant of APGD for one norm. `scratch` is as long as a point; its content is not preserved
 * between calls.
 */
export interface ApgdVariant {
  /** Divides a run into phases; the last phase has the ε of the threat model. */
  phases(epsilon: number, steps: number): readonly Phase[]
  /** Draws the first point into `scratch`, not yet projected. */
  start(ball: Ball, stream: RandomStream, scratch: Float64Array): void
  /** Sets step size, checkpoints, and all that depends on the first point of a phase. */
  begin(state: ApgdState): void
  /** Moves `point` along `gradient`; the old point becomes `previous`. */
  move(state: ApgdState, scratch: Float64Array): void
  /**
   * Called after each evaluation but the first. At a checkpoint, adapts the step size, and may
   * return to the best point.
   */
  review(state: ApgdState): void
}

/** ρ in Linf and L2: the fraction of steps since a checkpoint that must raise the loss. */
export const requiredShare = 0.75
/** a in Linf and L2: weight of the new direction; the rest is momentum. */
export const newWeight = 0.75

/**
 * The checkpoints of APGD (Croce and Hein 2020, section 3). The first follows after max(⌊0.22 N⌋,
 * 1) steps; each further interval is shorter than the last one by max(⌊0.03 N⌋, 1), with a minimum
 * of max(⌊0.06 N⌋, 1).
 */
export function checkpoints(steps: number): readonly number[] {
  const decrease = Math.max(Math.floor(0.03 * steps), 1)
  const minimum = Math.max(Math.floor(0.06 * steps), 1)
  const found: number[] = []
  let interval = Math.max(Math.floor(0.22 * steps), 1)
  for (let at = interval; at < steps; at += interval) {
    found.push(at)
    interval = Math.max(interval - decrease, minimum)
  }
  return found
}

/** Returns to the best point. `previous` is unchanged, as in the reference. */
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
    lastCheckpoint: 0,
    halvedBefore: true,
    bestLossBefore: -Infinity,
    density: 0,
    changedBefore: 0,
  }
}
