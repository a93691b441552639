/**
 * Carlini and Wagner's change of variables: a point within bounds as a function of a free variable.
 */
import { adamStep, kernels, startAdam } from '../../../core/api/attack.ts'
import type { AdamState } from '../../../core/api/attack.ts'

/** x' = low + (high − low)·(tanh w + 1)/2, componentwise; Adam optimizes w. */
export interface BoxVariable {
  readonly bounds: readonly [low: number, high: number]
  readonly w: Float64Array
  readonly adam: AdamState
}

/** Keeps w finite for points on a bound. */
const inset = 1 - 1e-6

/**
 * w = atanh((1 − 10⁻⁶)·(2u − 1)) for the point x' = low + u·(high − low), with Adam before its
 * first step.
 */
export function startBoxVariable(
  bounds: readonly [low: number, high: number],
  point: Float32Array,
): BoxVariable {
  const [low, high] = bounds
  const w = Float64Array.from(point, (x) =>
    Math.atanh(inset * ((2 * (x - low)) / (high - low) - 1)),
  )
  return { bounds, w, adam: startAdam(point.length) }
}

/** Writes x' to `output`, within the bounds as float32. @param scratch as long as `output` */
export function readPoint(
  { bounds, w }: BoxVariable,
  scratch: Float64Array,
  output: Float32Array,
): void {
  const [low, high] = bounds
  for (let i = 0; i < output.length; i++) {
    scratch[i] = low + ((high - low) * (Math.tanh(w[i]!) + 1)) / 2
  }
  kernels.clipToBounds(scratch, bounds, output)
}

/**
 * Takes a step of Adam down a gradient with respect to x'. The gradient is overwritten by the
 * negative gradient with respect to w: dx'/dw = (high − low)·(1 − tanh² w)/2.
 */
export function descend(
  { bounds, w, adam }: BoxVariable,
  gradient: Float64Array,
  learningRate: number,
): void {
  const width = bounds[1] - bounds[0]
  for (let i = 0; i < w.length; i++) gradient[i]! *= (-width * (1 - Math.tanh(w[i]!) ** 2)) / 2
  adamStep(adam, w, gradient, learningRate, w)
}
