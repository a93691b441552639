/** One step along the steepest direction of a norm, with or without momentum. */
import { v, vectorLoop } from '../engine/tensor/vector-loop.ts'
import type { ElementArrays, ElementType } from '../engine/tensor/vector-loop.ts'
import type { Norm } from '../threat/threat-model.ts'
import { gradientNorms } from './gradient-norms.ts'

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
  if (step.momentum === 0) move(norm, step, step.gradient)
  else move(norm, step, accumulate(step))
}

function accumulate({ gradient, velocity, momentum }: SteepestStep): Float64Array {
  const { absolute } = gradientNorms(gradient)
  accelerate.run({ gradient, velocity }, { momentum, scale: absolute === 0 ? 0 : 1 / absolute })
  return velocity
}

const accelerate = vectorLoop({
  arrays: { gradient: 'float32', velocity: 'float64' },
  scalars: ['momentum', 'scale'],
  body: ({ gradient, velocity, momentum, scale }) => ({
    writes: { velocity: v.add(v.mul(momentum, velocity), v.mul(scale, gradient)) },
  }),
})

function move(norm: Norm, step: SteepestStep, direction: Float32Array | Float64Array): void {
  if (norm === 'L1') moveLargest(step, direction)
  else if (direction instanceof Float32Array) alongGradient[norm](step, direction)
  else alongVelocity[norm](step, direction)
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

const alongGradient = prepareMoves('float32')
const alongVelocity = prepareMoves('float64')

/** Moves along directions of one type. */
function prepareMoves<const Type extends ElementType>(
  type: Type,
): Record<'Linf' | 'L2', (step: SteepestStep, direction: ElementArrays[Type]) => void> {
  const arrays = { point: 'float32', direction: type, output: 'float64' } as const
  const alongSigns = vectorLoop({
    arrays,
    scalars: ['length'],
    body: ({ point, direction, length }) => ({
      writes: { output: v.add(point, v.mul(length, v.sign(direction))) },
    }),
  })
  const measure = vectorLoop({
    arrays: { direction: type },
    body: ({ direction }) => ({ sums: { squares: v.mul(direction, direction) } }),
  })
  const along = vectorLoop({
    arrays,
    scalars: ['scale'],
    body: ({ point, direction, scale }) => ({
      writes: { output: v.add(point, v.mul(scale, direction)) },
    }),
  })
  return {
    Linf({ point, length, output }, direction) {
      alongSigns.run({ point, direction, output }, { length })
    },
    L2({ point, length, output }, direction) {
      const { squares } = measure.run({ direction }, {})
      const scale = squares === 0 ? 0 : length / Math.sqrt(squares)
      along.run({ point, direction, output }, { scale })
    },
  }
}
