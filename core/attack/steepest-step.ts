/** One step along the steepest direction of a norm, with or without momentum. */
import type { Norm } from '../threat/threat-model.ts'

export interface SteepestStep {
  /** Where the step starts. */
  readonly point: Float32Array
  /** Of the loss at `point`; finite. */
  readonly gradient: Float32Array
  /** The accumulated gradient, updated in place; not touched without momentum. */
  readonly velocity: Float64Array
  /** μ; 0 for none. */
  readonly momentum: number
  /** Length of the step in the norm; negative to go down. */
  readonly length: number
  /** Gets the point after the step, not yet projected. */
  readonly output: Float64Array
}

/**
 * The step of length α that raises a linear loss most: Linf x + α·sign(v), L2 x + α·v/‖v‖₂, L1 x + α·sign(v_i)·e_i for the
 * largest |v_i|, the first of equal ones. Without momentum
 * v is the gradient g; with it v ← μ·v + g/‖g‖₁ (Dong et al. 2018, eq. 6). Where v is zero nothing moves.
 */
export function steepestStep(norm: Norm, step: SteepestStep): void {
  const direction = step.momentum === 0 ? step.gradient : accumulate(step)
  move[norm](step, direction)
}

function accumulate({ gradient, velocity, momentum }: SteepestStep): Float64Array {
  let absolute = 0
  for (let i = 0; i < gradient.length; i++) absolute += Math.abs(gradient[i]!)
  const scale = absolute === 0 ? 0 : 1 / absolute
  for (let i = 0; i < velocity.length; i++) {
    velocity[i] = momentum * velocity[i]! + scale * gradient[i]!
  }
  return velocity
}

const move: Readonly<
  Record<Norm, (step: SteepestStep, direction: Float32Array | Float64Array) => void>
> = {
  Linf({ point, length, output }, direction) {
    for (let i = 0; i < output.length; i++) {
      const v = direction[i]!
      // Signs of gradients are as good as random: without branches this takes a quarter of the time.
      output[i] = point[i]! + length * (Number(v > 0) - Number(v < 0))
    }
  },
  L2({ point, length, output }, direction) {
    let squares = 0
    for (let i = 0; i < direction.length; i++) squares += direction[i]! * direction[i]!
    const scale = squares === 0 ? 0 : length / Math.sqrt(squares)
    for (let i = 0; i < output.length; i++) output[i] = point[i]! + scale * direction[i]!
  },
  L1({ point, length, output }, direction) {
    let largest = 0
    for (let i = 1; i < direction.length; i++) {
      if (Math.abs(direction[i]!) > Math.abs(direction[largest]!)) largest = i
    }
    output.set(point)
    output[largest]! += length * Math.sign(direction[largest]!)
  },
}
