/** How APGD moves one example in Linf and L2: momentum, and steps that are halved where they stop to help. */
import { checkpoints, returnToBest } from './ascent.ts'
import type { AscentRule } from './ascent.ts'
import { steepestStep } from './steepest-step.ts'

/** ρ: the share of steps in a window that has to raise the loss. */
const share = 0.75
/** Weight of the new direction; the rest goes on along the last one. */
const fresh = 0.75

/** Steps with momentum that are halved where they stop to help (algorithm 1). */
const halving: Omit<AscentRule, 'start'> = {
  phases: (epsilon, steps) => [{ epsilon, steps }],

  begin(ascent) {
    ascent.checkpoints = checkpoints(ascent.steps)
    ascent.stepSize = 2 * ascent.ball.threatModel.epsilon
    ascent.halvedBefore = true
    ascent.bestLossBefore = ascent.bestLoss
    ascent.rises = 0
    ascent.windowStart = 0
  },

  // u = P(x⁽ᵏ⁾ + η·dir), x⁽ᵏ⁺¹⁾ = P(x⁽ᵏ⁾ + a (u − x⁽ᵏ⁾) + (1 − a)(x⁽ᵏ⁾ − x⁽ᵏ⁻¹⁾)), a = 1 at first, then 0.75
  move({ ball, point, previous, gradient, spare, step, stepSize }, scratch) {
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
      ball.project(scratch, spare)
      for (let i = 0; i < point.length; i++) {
        const x = point[i]!
        scratch[i] = x + fresh * (spare[i]! - x) + (1 - fresh) * (x - previous[i]!)
      }
    }
    previous.set(point)
    ball.project(scratch, point)
  },

  review(ascent) {
    if (!ascent.checkpoints.includes(ascent.step)) return
    const width = ascent.step - ascent.windowStart
    const stuck = !ascent.halvedBefore && ascent.bestLossBefore >= ascent.bestLoss
    ascent.halvedBefore = stuck || ascent.rises <= share * width
    ascent.bestLossBefore = ascent.bestLoss
    ascent.windowStart = ascent.step
    ascent.rises = 0
    if (!ascent.halvedBefore) return
    ascent.stepSize /= 2
    returnToBest(ascent)
  },
}

const noVelocity = new Float64Array(0)

/** Linf and L2 start on the surface of the ball, before it is cut by the bounds. */
export const halvingAscent: Readonly<Record<'Linf' | 'L2', AscentRule>> = {
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
}

function addTo(center: Float32Array, scale: number, scratch: Float64Array): void {
  for (let i = 0; i < scratch.length; i++) scratch[i] = center[i]! + scale * scratch[i]!
}
