/** The threat model: which changes of an input the attacker may make. */

/** Norms in which a perturbation is measured. */
export type Norm = 'Linf' | 'L2' | 'L1'

export const norms = ['Linf', 'L2', 'L1'] as const satisfies readonly Norm[]

/**
 * An attacker may return any x' with ‖x' − x‖ ≤ epsilon and every component within `bounds`.
 * `epsilon` is in the units of the inputs (8/255 for pixels in [0, 1]).
 */
export interface ThreatModel {
  readonly norm: Norm
  readonly epsilon: number
  readonly bounds: readonly [low: number, high: number]
}
