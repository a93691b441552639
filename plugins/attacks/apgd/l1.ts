/** How APGD moves one example in L1: steps along few components, fewer and shorter as it goes on. */
import { returnToBest } from './apgd-state.ts'
import type { ApgdRule, ApgdState } from './apgd-state.ts'

/** Shortest step, in parts of ε; the longest is ε. */
const shortest = 1 / 10
/** By what a step and the number of components it moves shrink at a checkpoint. */
const shrink = 1.5

/**
 * APGD for L1 (Croce and Hein 2021, arXiv:2103.01208, algorithm 2), with ε annealed: three parts of a run in balls of
 * 3 ε, 2 ε and ε, each from where the last got to.
 */
export const l1Rule: ApgdRule = {
  phases(epsilon, steps) {
    const part = Math.floor(0.3 * steps)
    return [
      { epsilon: 3 * epsilon, steps: part },
      { epsilon: 2 * epsilon, steps: part },
      { epsilon, steps: steps - 2 * part },
    ].filter((phase) => phase.steps > 0)
  },

  // x + t, t ~ N(0, I): the projection makes it sparse
  start({ center }, stream, scratch) {
    stream.fillNormal(scratch)
    for (let i = 0; i < scratch.length; i++) scratch[i]! += center[i]!
  },

  begin(ascent, started) {
    const { ball, point, steps } = ascent
    const every = Math.max(Math.floor(0.04 * steps), 1)
    ascent.checkpoints = Array.from(
      { length: Math.ceil(steps / every) - 1 },
      (_, i) => (i + 1) * every,
    )
    ascent.stepSize = ball.threatModel.epsilon
    const atRandom = started === 'at random'
    ascent.changedBefore = atRandom ? point.length : countChanged(ball.center, point)
    ascent.density = atRandom ? 0.2 : ascent.changedBefore / point.length / shrink
  },

  // x⁽ᵏ⁺¹⁾ = P(x⁽ᵏ⁾ + η s / ‖s‖₁), s the signs of the largest components of the gradient
  move(ascent, scratch) {
    const { ball, point, previous, gradient, stepSize } = ascent
    const threshold = largestThreshold(ascent, scratch)
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

  review(ascent) {
    if (!ascent.checkpoints.includes(ascent.step)) return
    const { ball, best, point } = ascent
    const { epsilon } = ball.threatModel
    const changed = countChanged(ball.center, best)
    const sparser = changed < 0.95 * ascent.changedBefore
    ascent.density = changed / point.length / shrink
    ascent.changedBefore = changed
    if (sparser) {
      ascent.stepSize = epsilon
      returnToBest(ascent)
    } else {
      ascent.stepSize = Math.max(ascent.stepSize / shrink, epsilon * shortest)
    }
  },
}

/** The size of the smallest component that a step still moves; at least one moves. */
function largestThreshold({ gradient, density }: ApgdState, scratch: Float64Array): number {
  for (let i = 0; i < gradient.length; i++) scratch[i] = Math.abs(gradient[i]!)
  const place = Math.floor((1 - density) * gradient.length)
  return selectInOrder(scratch, Math.min(Math.max(place, 0), gradient.length - 1))
}

/** The element that sorting would put at a place (Hoare's selection); reorders the elements. */
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
