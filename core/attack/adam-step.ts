/** One step of Adam, uphill. */
import { v, vectorLoop, type ElementType } from '../engine/tensor/vector-loop.ts'

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
 * @param point x; of one type with the gradient
 * @see Kingma, Ba 2014, "Adam: a method for stochastic optimization", arXiv:1412.6980, algorithm 1
 */
export function adamStep<Floats extends Float32Array | Float64Array>(
  state: AdamState,
  point: Floats,
  gradient: Floats,
  stepSize: number,
  output: Float64Array,
): void {
  state.steps += 1
  const { first, second, steps } = state
  const scalars = {
    scale: stepSize / (1 - firstDecay ** steps),
    secondScale: 1 / (1 - secondDecay ** steps),
  }
  const arrays = { first, second, output }
  if (point instanceof Float32Array && gradient instanceof Float32Array) {
    step32.run({ ...arrays, point, gradient }, scalars)
  } else {
    // Both are of one type.
    const wide = { point, gradient } as { point: Float64Array; gradient: Float64Array }
    step64.run({ ...arrays, ...wide }, scalars)
  }
}

const step32 = prepareStep('float32')
const step64 = prepareStep('float64')

function prepareStep<const Type extends ElementType>(type: Type) {
  return vectorLoop({
    arrays: {
      first: 'float64',
      second: 'float64',
      point: type,
      gradient: type,
      output: 'float64',
    },
    scalars: ['scale', 'secondScale'],
    body({ first, second, point, gradient, scale, secondScale }) {
      const mean = v.add(v.mul(firstDecay, first), v.mul(1 - firstDecay, gradient))
      const square = v.mul(v.mul(1 - secondDecay, gradient), gradient)
      const squares = v.add(v.mul(secondDecay, second), square)
      const size = v.add(v.sqrt(v.mul(secondScale, squares)), guard)
      const output = v.add(point, v.div(v.mul(scale, mean), size))
      return { writes: { first: mean, second: squares, output } }
    },
  })
}
