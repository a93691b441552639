/**
 * Carlini and Wagner's change of variables: a point within bounds as a function of a free variable.
 */
import { adamStep, roundDown, roundUp, startAdam, v, vectorLoop } from '../../../core/api/attack.ts'
import type { AdamState } from '../../../core/api/attack.ts'

/** x' = low + (high − low)·(tanh w + 1)/2, componentwise; Adam optimizes w. */
export interface BoxVariable {
  readonly bounds: readonly [low: number, high: number]
  readonly w: Float64Array
  /** tanh w, of the last `readPoint`. */
  readonly tanh: Float64Array
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
  return { bounds, w, tanh: new Float64Array(w.length), adam: startAdam(point.length) }
}

/** Writes x' to `output`, within the bounds as float32. */
export function readPoint({ bounds, w, tanh }: BoxVariable, output: Float32Array): void {
  // Takes 0.6 of the time of Math.tanh, and differs from it by at most 4e-16.
  for (let i = 0; i < w.length; i++) tanh[i] = 1 - 2 / (Math.exp(2 * w[i]!) + 1)
  const [low, high] = bounds
  const limits = { least: roundUp(low), most: roundDown(high) }
  fromTanh.run({ tanh, output }, { low, width: high - low, ...limits })
}

const fromTanh = vectorLoop({
  arrays: { tanh: 'float64', output: 'float32' },
  scalars: ['low', 'width', 'least', 'most'],
  body({ tanh, low, width, least, most }) {
    const point = v.add(low, v.div(v.mul(width, v.add(tanh, 1)), 2))
    return { writes: { output: v.clip(point, least, most) } }
  },
})

/**
 * Takes a step of Adam down a gradient with respect to x', the point of the last `readPoint`. The
 * gradient is overwritten by the negative gradient with respect to w:
 * dx'/dw = (high − low)·(1 − tanh² w)/2.
 */
export function descend(
  { bounds, w, tanh, adam }: BoxVariable,
  gradient: Float64Array,
  learningRate: number,
): void {
  pullBack.run({ tanh, gradient }, { width: bounds[1] - bounds[0] })
  adamStep(adam, w, gradient, learningRate, w)
}

const pullBack = vectorLoop({
  arrays: { tanh: 'float64', gradient: 'float64' },
  scalars: ['width'],
  body({ tanh, gradient, width }) {
    const slope = v.mul(v.mul(width, -0.5), v.sub(1, v.mul(tanh, tanh)))
    return { writes: { gradient: v.mul(gradient, slope) } }
  },
})
