/** A point within bounds as a function of a free variable, on which Adam works: how Carlini and Wagner keep to the bounds. */
import { adamStep, startAdam } from '../../../core/api/attack.ts'
import type { AdamState } from '../../../core/api/attack.ts'
import { clip } from '../fab/linearization.ts'

/** x' = low + (high − low)·(tanh w + 1)/2, componentwise. */
export interface BoxVariable {
  readonly bounds: readonly [low: number, high: number]
  readonly w: Float64Array
  readonly adam: AdamState
}

/** Keeps w finite for points on a bound. */
const inset = 1 - 1e-6

/** w = atanh((1 − 10⁻⁶)·(2u − 1)) for the point at u of the way from low to high; Adam has made no step. */
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

/** Writes x' into `output`, within the bounds as float32; `scratch` is as long. */
export function readPoint(
  { bounds, w }: BoxVariable,
  scratch: Float64Array,
  output: Float32Array,
): void {
  const [low, high] = bounds
  for (let i = 0; i < output.length; i++) {
    scratch[i] = low + ((high - low) * (Math.tanh(w[i]!) + 1)) / 2
  }
  clip(scratch, bounds, output)
}

/**
 * A step of Adam down a gradient with respect to x', which is overwritten by minus that with respect to w:
 * dx'/dw = (high − low)·(1 − tanh² w)/2.
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
