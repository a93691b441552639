/** APGD in L1: sparse steps that become sparser and shorter. */
import { returnToBest } from './apgd-state.ts'
import type { ApgdVariant, ApgdState } from './apgd-state.ts'

/** The shortest step as a fraction of ε; the longest is ε. */
const shortest = 1 / 10
/** Factor by which the step size and the number of moved components shrink at a checkpoint. */
const shrink = 1.5

/**
 * APGD for L1 (Croce and Hein 2021, arXiv:2103.01208, algorithm 2), with ε annealed: three phases
 * in balls of 3 ε, 2 ε, and ε, each starting at the best point of the last one. As in the authors'
 * code, each phase starts with steps on two thirds of the components that its first point changes;
 * the paper's 0.2 d of the first phase is never used there.
 */
export const l1Variant: ApgdVariant = {
  phases(epsilon, steps) {
    const early = Math.floor(0.3 * steps)
    return [
      { epsilon: 3 * epsilon, steps: early },
      { epsilon: 2 * epsilon, steps: early },
      { epsilon, steps: steps - 2 * early },
    ].filter((phase) => phase.steps > 0)
  },

  // x + t, t ~ N(0, I); the projection makes t sparse
  start({ center }, stream, scratch) {
    stream.fillNormal(scratch)
    for (let i = 0; i < scratch.length; i++) scratch[i]! += center[i]!
  },

  begin(state) {
    const { ball, point, steps } = state
    const every = Math.max(Math.floor(0.04 * steps), 1)
    state.checkpoints = Array.from(
      { length: Math.ceil(steps / every) - 1 },
      (_, i) => (i + 1) * every,
    )
    state.stepSize = ball.threatModel.epsilon
    state.changedBefore = countChanged(ball.center, point)
    state.density = state.changedBefore / point.length / shrink
  },

  // x⁽ᵏ⁺¹⁾ = P(x⁽ᵏ⁾ + η s / ‖s‖₁), with s the signs of the largest components of the gradient
  move(state, scratch) {
    const { ball, point, previous, gradient, stepSize } = state
    const threshold = largestThreshold(state, scratch)
    let count = 0
    for (let i = 0; i < gradient.length; i++) {
      if (gradient[i] !== 0 && Math.abs(gradient[i]!) >= threshold) count += 1
    }
    for (let i = 0; i < gradient.length; i++) {
      const moves = Math.abs(gradient[i]!) >= threshold
      scratch[i] =
        point[i]! + (moves && count > 0 ? (stepSize / count) * Math.sign(gradient[i]!) : 0)
    }
    previous.set(point)
    ball.project(scratch, point)
  },

  review(state) {
    if (!state.checkpoints.includes(state.step)) return
    const { ball, best, point } = state
    const { epsilon } = ball.threatModel
    const changed = countChanged(ball.center, best)
    const sparser = changed < 0.95 * state.changedBefore
    state.density = changed / point.length / shrink
    state.changedBefore = changed
    if (sparser) {
      state.stepSize = epsilon
      returnToBest(state)
    } else {
      state.stepSize = Math.max(state.stepSize / shrink, epsilon * shortest)
    }
  },
}

/** The magnitude of the smallest component that a step moves; at least one component moves. */
function largestThreshold({ gradient, density }: ApgdState, scratch: Float64Array): number {
  for (let i = 0; i < gradient.length; i++) scratch[i] = Math.abs(gradient[i]!)
  const place = Math.floor((1 - density) * gradient.length)
  return selectInOrder(scratch, Math.min(Math.max(place, 0), gradient.length - 1))
}

/** The element at `place` in ascending order, by quickselect (Hoare); reorders the elements. */
function selectInOrder(values: Float64Array, place: number): number {
  let low = 0
  let high = values.length - 1
  while (low < high) {
    const pivot = values[(low + high) >> 1]!
    let left = low
    let right = high
    while (left <= right) {
      while (values[left]! < pivot) left += 1
      while (values[right]! > pivot) right -= 1
      if (left > right) break
      const kept = values[left]!
      values[left] = values[right]!
      values[right] = kept
      left += 1
      right -= 1
    }
    if (place <= right) high = right
    else if (place >= left) low = left
    else break
  }
  return values[place]!
}

function countChanged(center: Float32Array, point: Float32Array): number {
  let count = 0
  for (let i = 0; i < center.length; i++) if (point[i] !== center[i]) count += 1
  return count
}
