/** One step in the steepest direction of a norm, with or without momentum. */
import type { Norm } from '../threat/threat-model.ts'
import { gradientNorms } from './gradient-norms.ts'
import { kernels } from './vector-kernels.ts'

export interface SteepestStep {
  /** The start of the step. */
  readonly point: Float32Array
  /** Gradient of the loss at `point`; finite. */
  readonly gradient: Float32Array
  /** The accumulated gradient, updated in place; unused without momentum. */
  readonly velocity: Float64Array
  /** μ; 0 for none. */
  readonly momentum: number
  /** Length of the step in the norm; negative to lower the loss. */
  readonly length: number
  /** Receives the point after the step, not yet projected. */
  readonly output: Float64Array
}

/**
 * The step of length α that raises a linear loss most: in Linf x + α·sign(v), in L2 x + α·v/‖v‖₂,
 * in L1 x + α·sign(v_i)·e_i for the largest |v_i|, the first of equal ones. Without momentum, v is
 * the gradient g; in L0, where steps have no length, the L2 step. With momentum, v ← μ·v + g/‖g‖₁
 * (Dong et al. 2018, arXiv:1710.06081, eq. 6). Components with v = 0 do not move.
 */
export function steepestStep(norm: Norm, step: SteepestStep): void {
  const { point, length, output } = step
  const direction = step.momentum === 0 ? step.gradient : accumulate(step)
  if (norm === 'L1') {
    moveLargest(step, direction)
  } else if (norm === 'Linf') {
    kernels.addSigns(point, length, direction, output)
  } else {
    const squares = kernels.squaredNorm(direction)
    const scale = squares === 0 ? 0 : length / Math.sqrt(squares)
    kernels.addScaled(point, scale, direction, output)
  }
}

function accumulate({ gradient, velocity, momentum }: SteepestStep): Float64Array {
  const { absolute } = gradientNorms(gradient)
  kernels.accumulate(velocity, momentum, absolute === 0 ? 0 : 1 / absolute, gradient)
  return velocity
}

function moveLargest(
  { point, length, output }: SteepestStep,
  direction: Float32Array | Float64Array,
): void {
  let largest = 0
  for (let i = 1; i < direction.length; i++) {
    if (Math.abs(direction[i]!) > Math.abs(direction[largest]!)) largest = i
  }
  output.set(point)
  output[largest]! += length * Math.sign(direction[largest]!)
}
