/** APGD in Linf and L2: momentum, and step sizes that are halved when progress stops. */
import { kernels, steepestStep, terms, v, vectorLoop } from '../../../core/api/attack.ts'
import type { Term } from '../../../core/api/attack.ts'
import { checkpoints, newWeight, requiredShare, returnToBest } from './apgd-state.ts'
import type { ApgdVariant } from './apgd-state.ts'

/** Halves the step size when progress stops (algorithm 1). */
const halving: Omit<ApgdVariant, 'start' | 'move'> = {
  phases: (epsilon, steps) => [{ epsilon, steps }],

  begin(state) {
    state.checkpoints = checkpoints(state.steps)
    state.stepSize = 2 * state.ball.threatModel.epsilon
    state.halvedBefore = true
    state.bestLossBefore = state.bestLoss
    state.rises = 0
    state.lastCheckpoint = 0
  },

  review(state) {
    if (!state.checkpoints.includes(state.step)) return
    const interval = state.step - state.lastCheckpoint
    const stuck = !state.halvedBefore && state.bestLossBefore >= state.bestLoss
    state.halvedBefore = stuck || state.rises <= requiredShare * interval
    state.bestLossBefore = state.bestLoss
    state.lastCheckpoint = state.step
    state.rises = 0
    if (!state.halvedBefore) return
    state.stepSize /= 2
    returnToBest(state)
  },
}

/** x⁽ᵏ⁾ + a (u − x⁽ᵏ⁾) + (1 − a)(x⁽ᵏ⁾ − x⁽ᵏ⁻¹⁾) */
function withMomentum(point: Term, target: Term, previous: Term): Term {
  const renewed = terms.between(point, newWeight, target)
  return terms.along(renewed, 1 - newWeight, v.sub(point, previous))
}

const noMomentum = { momentum: 0, velocity: new Float64Array(0) } as const

/** In Linf, the ball cut by the bounds is a box, so that each component moves on its own. */
const boxArrays = {
  point: 'float32',
  previous: 'float32',
  gradient: 'float32',
  lower: 'float32',
  upper: 'float32',
} as const

const firstMoveInBox = vectorLoop({
  arrays: boxArrays,
  scalars: ['stepSize'],
  body: ({ point, gradient, lower, upper, stepSize }) => {
    const target = terms.along(point, stepSize, v.sign(gradient))
    return { writes: { point: v.clip(target, lower, upper), previous: point } }
  },
})

const moveInBox = vectorLoop({
  arrays: boxArrays,
  scalars: ['stepSize'],
  body: ({ point, previous, gradient, lower, upper, stepSize }) => {
    const step = terms.along(point, stepSize, v.sign(gradient))
    const target = terms.clipped(step, lower, upper)
    const moved = v.clip(withMomentum(point, target, previous), lower, upper)
    return { writes: { point: moved, previous: point } }
  },
})

const addMomentum = vectorLoop({
  arrays: { point: 'float32', previous: 'float32', target: 'float32', output: 'float64' },
  body: ({ point, previous, target }) => ({
    writes: { output: withMomentum(point, target, previous) },
  }),
})

/**
 * Starts lie on the surface of the ball, before it is cut by the bounds. Steps use momentum:
 * u = P(x⁽ᵏ⁾ + η·dir), x⁽ᵏ⁺¹⁾ = P(x⁽ᵏ⁾ + a (u − x⁽ᵏ⁾) + (1 − a)(x⁽ᵏ⁾ − x⁽ᵏ⁻¹⁾)), with a = 1 in the
 * first step and 0.75 afterwards.
 */
export const linfL2Variants: Readonly<Record<'Linf' | 'L2', ApgdVariant>> = {
  Linf: {
    ...halving,
    // t ~ U(−1, 1)ᵈ, x + ε t / ‖t‖∞
    start({ center, threatModel: { epsilon } }, stream, scratch) {
      let largest = 0
      for (let i = 0; i < scratch.length; i++) {
        scratch[i] = 2 * stream.uniform() - 1
        largest = Math.max(largest, Math.abs(scratch[i]!))
      }
      kernels.addScaled(center, epsilon / Math.max(largest, 1e-12), scratch, scratch)
    },

    move({ ball, point, previous, gradient, step, stepSize }) {
      const [lower, upper] = ball.corners!
      const loop = step === 0 ? firstMoveInBox : moveInBox
      loop.run({ point, previous, gradient, lower, upper }, { stepSize })
    },
  },
  L2: {
    ...halving,
    // t ~ N(0, I), x + ε t / ‖t‖₂
    start({ center, threatModel: { epsilon } }, stream, scratch) {
      stream.fillNormal(scratch)
      let squares = 0
      for (let i = 0; i < scratch.length; i++) squares += scratch[i]! ** 2
      kernels.addScaled(center, epsilon / Math.max(Math.sqrt(squares), 1e-12), scratch, scratch)
    },

    move({ ball, point, previous, gradient, spare, step, stepSize: length }, scratch) {
      steepestStep('L2', { ...noMomentum, point, gradient, length, output: scratch })
      if (step > 0) {
        ball.project(scratch, spare)
        addMomentum.run({ point, previous, target: spare, output: scratch }, {})
      }
      previous.set(point)
      ball.project(scratch, point)
    },
  },
}
