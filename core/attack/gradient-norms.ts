/** Norms of a gradient. */
import { v, vectorLoop } from '../engine/tensor/vector-loop.ts'
import type { Norm } from '../threat/threat-model.ts'

export interface GradientNorms {
  /** ‖g‖₁; not finite if a component is not. */
  readonly absolute: number
  /** ‖g‖₂² */
  readonly squares: number
  /** ‖g‖∞ */
  readonly largest: number
}

/** Computes all norms in one pass. @param gradient 1 component or more */
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

/**
 * The dual norm of a gradient: the maximum change of a loss, to first order, per unit of distance
 * in the given norm. ‖g‖₁ in Linf, ‖g‖₂ in L2, ‖g‖∞ in L1; infinite in L0, where any change of a
 * pixel counts the same.
 */
export const dualNorm: Readonly<Record<Norm, (gradient: Float32Array) => number>> = {
  Linf: (gradient) => gradientNorms(gradient).absolute,
  L2: (gradient) => Math.sqrt(gradientNorms(gradient).squares),
  L1: (gradient) => gradientNorms(gradient).largest,
  L0: (gradient) => (gradientNorms(gradient).largest > 0 ? Infinity : 0),
}
