/** The threat model: how an attacker may change an input. */
import type { Transform } from './transforms/table.ts'

/** A norm in which perturbations are measured. */
export type Norm = 'Linf' | 'L2' | 'L1'

/** All norms. */
export const norms = ['Linf', 'L2', 'L1'] as const satisfies readonly Norm[]

/**
 * An attacker may return any x' with ‖x' − T(x)‖ ≤ epsilon and every component within `bounds`.
 * T is a transform within the limits of `transform`; without it, the identity. `epsilon` is in the
 * units of the inputs (8/255 for pixels in [0, 1]).
 */
export interface ThreatModel {
  readonly norm: Norm
  /** Above zero; with a transform it may be zero, which permits the transform only. */
  readonly epsilon: number
  readonly bounds: readonly [low: number, high: number]
  /** The identity is always within its limits. */
  readonly transform?: Transform
}
