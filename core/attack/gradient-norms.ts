/** How long a gradient is, in every norm at once. */
import { v, vectorLoop } from '../engine/tensor/vector-loop.ts'

export interface GradientNorms {
  /** ‖g‖₁, the dual norm in Linf; not finite if a component is not. */
  readonly absolute: number
  /** ‖g‖₂² */
  readonly squares: number
  /** ‖g‖∞, the dual norm in L1. */
  readonly largest: number
}

/** @param gradient 1 component or more. */
export function gradientNorms(gradient: Float32Array): GradientNorms {
  return measure.run({ gradient }, {})
}

const measure = vectorLoop({
  arrays: { gradient: 'float32' },
  body({ gradient }) {
    const absolute = v.abs(gradient)
    return {
      sums: { absolute, squares: v.mul(gradient, gradient) },
      largest: { largest: absolute },
    }
  },
})
