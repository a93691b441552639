/** How APGD moves one example in Linf and L2: momentum, and steps that are halved where they stop to help. */
import { steepestStep, v, vectorLoop } from '../../../core/api/attack.ts'
import type { Term } from '../../../core/api/attack.ts'
import { checkpoints, returnToBest } from './apgd-state.ts'
import type { ApgdRule } from './apgd-state.ts'

/** ρ: the share of steps in a window that has to raise the loss. */
const share = 0.75
/** Weight of the new direction; the rest goes on along the last one. */
const fresh = 0.75

/** Steps that are halved where they stop to help (algorithm 1). */
const halving: Omit<ApgdRule, 'start' | 'move'> = {
  phases: (epsilon, steps) => [{ epsilon, steps }],

  begin(ascent) {
    ascent.checkpoints = checkpoints(ascent.steps)
    ascent.stepSize = 2 * ascent.ball.threatModel.epsilon
    ascent.halvedBefore = true
    ascent.bestLossBefore = ascent.bestLoss
    ascent.rises = 0
    ascent.windowStart = 0
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

/** x⁽ᵏ⁾ + a (u − x⁽ᵏ⁾) + (1 − a)(x⁽ᵏ⁾ − x⁽ᵏ⁻¹⁾) */
function goOn(point: Term, target: Term, previous: Term): Term {
  const renewed = v.add(point, v.mul(fresh, v.sub(target, point)))
  return v.add(renewed, v.mul(1 - fresh, v.sub(point, previous)))
}

const noVelocity = new Float64Array(0)

/** In a box all of a move is done component by component. */
const box = {
  point: 'float32',
  previous: 'float32',
  gradient: 'float32',
  lower: 'float32',
  upper: 'float32',
} as const

const firstMoveInBox = vectorLoop({
  arrays: box,
  scalars: ['stepSize'],
  body: ({ point, gradient, lower, upper, stepSize }) => {
    const target = v.add(point, v.mul(stepSize, v.sign(gradient)))
    return { writes: { point: v.clip(target, lower, upper), previous: point } }
  },
})

const moveInBox = vectorLoop({
  arrays: box,
  scalars: ['stepSize'],
  body: ({ point, previous, gradient, lower, upper, stepSize }) => {
    const step = v.add(point, v.mul(stepSize, v.sign(gradient)))
    const target = v.round(v.clip(step, lower, upper))
    const moved = v.clip(goOn(point, target, previous), lower, upper)
    return { writes: { point: moved, previous: point } }
  },
})

const keepGoing = vectorLoop({
  arrays: { point: 'float32', previous: 'float32', target: 'float32', output: 'float64' },
  body: ({ point, previous, target }) => ({ writes: { output: goOn(point, target, previous) } }),
})

/**
 * Linf and L2 start on the surface of the ball, before it is cut by the bounds. They move with momentum: u = P(x⁽ᵏ⁾ + η·dir),
 * x⁽ᵏ⁺¹⁾ = P(x⁽ᵏ⁾ + a (u − x⁽ᵏ⁾) + (1 − a)(x⁽ᵏ⁾ − x⁽ᵏ⁻¹⁾)), a = 1 at first, then 0.75.
 */
export const linfL2Rule: Readonly<Record<'Linf' | 'L2', ApgdRule>> = {
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

    move({ ball, point, previous, gradient, step, stepSize }) {
      const [lower, upper] = ball.corners!
      const move = step === 0 ? firstMoveInBox : moveInBox
      move.run({ point, previous, gradient, lower, upper }, { stepSize })
    },
  },
  L2: {
    ...halving,
    // t ~ N(0, I), x + ε t / ‖t‖₂
    start({ center, threatModel: { epsilon } }, stream, scratch) {
      stream.fillNormal(scratch)
      let squares = 0
      for (let i = 0; i < scratch.length; i++) squares += scratch[i]! ** 2
      addTo(center, epsilon / Math.max(Math.sqrt(squares), 1e-12), scratch)
    },

    move({ ball, point, previous, gradient, spare, step, stepSize: length }, scratch) {
      const plain = { velocity: noVelocity, momentum: 0 }
      steepestStep('L2', { ...plain, point, gradient, length, output: scratch })
      if (step > 0) {
        ball.project(scratch, spare)
        keepGoing.run({ point, previous, target: spare, output: scratch }, {})
      }
      previous.set(point)
      ball.project(scratch, point)
    },
  },
}

function addTo(center: Float32Array, scale: number, scratch: Float64Array): void {
  for (let i = 0; i < scratch.length; i++) scratch[i] = center[i]! + scale * scratch[i]!
}
