/** One step of Adam, uphill. */

const firstDecay = 0.9
const secondDecay = 0.999
const guard = 1e-8

/** Running means of the gradient and of its square, before bias correction. */
export interface AdamState {
  readonly first: Float64Array
  readonly second: Float64Array
  steps: number
}

/** The state before the first step. @param size number of components */
export function startAdam(size: number): AdamState {
  return { first: new Float64Array(size), second: new Float64Array(size), steps: 0 }
}

/**
 * Writes x + α·m̂ / (√v̂ + 1e-8) to `output` and updates the state; β₁ = 0.9, β₂ = 0.999.
 * @see Kingma, Ba 2014, "Adam: a method for stochastic optimization", arXiv:1412.6980, algorithm 1
 */
export function adamStep(
  state: AdamState,
  point: ArrayLike<number>,
  gradient: ArrayLike<number>,
  stepSize: number,
  output: Float64Array,
): void {
  state.steps += 1
  const firstScale = 1 / (1 - firstDecay ** state.steps)
  const secondScale = 1 / (1 - secondDecay ** state.steps)
  for (let i = 0; i < output.length; i++) {
    const g = gradient[i]!
    const m = firstDecay * state.first[i]! + (1 - firstDecay) * g
    const v = secondDecay * state.second[i]! + (1 - secondDecay) * g * g
    state.first[i] = m
    state.second[i] = v
    output[i] = point[i]! + (stepSize * firstScale * m) / (Math.sqrt(secondScale * v) + guard)
  }
}
