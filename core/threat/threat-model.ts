/** The threat model: how an attacker may change an input. */
import type { ThreatTarget } from './target.ts'
import type { Transform } from './transforms/table.ts'

/**
 * A norm in which perturbations are measured. `L0`, which is no norm in the mathematical sense,
 * counts the pixels that change in any channel.
 */
export type Norm = 'Linf' | 'L2' | 'L1' | 'L0'

/** All norms. */
export const norms = ['Linf', 'L2', 'L1', 'L0'] as const satisfies readonly Norm[]

/**
 * An attacker may return any x' with ‖x' − T(x)‖ ≤ epsilon and every component within `bounds`.
 * T is a transform within the limits of `transform`; without it, the identity. `epsilon` is in the
 * units of the inputs (8/255 for pixels in [0, 1]); in L0 it is a number of pixels.
 */
export interface ThreatModel {
  readonly norm: Norm
  /** Above zero; with a transform it may be zero, which permits the transform only. */
  readonly epsilon: number
  readonly bounds: readonly [low: number, high: number]
  /**
   * In L0: components per pixel, 1 by default. Component i belongs to pixel i mod p of p pixels, as
   * in images `[c, h, w]`. The host sets it to the number of channels.
   */
  readonly channels?: number
  /** The identity is always within its limits. */
  readonly transform?: Transform
  /**
   * The class that the attacker wants. Then an example is broken if that class is predicted; without
   * it, if any wrong class is.
   */
  readonly target?: ThreatTarget
  /**
   * Limits that the data gives for each example. `epsilons`: its ε; `epsilon` is the largest one.
   * `box`: the lowest and the highest value of each component; then the norm is Linf, and `epsilon`
   * is the largest distance of a corner from its input.
   */
  readonly given?: 'epsilons' | 'box'
}

/** JSON Schema of `ThreatModel.given`. */
export const givenSchema = {
  enum: ['epsilons', 'box'],
  description: 'limits that the data gives for each image',
} as const

/** The threat model on inputs of a shape, `[n, c, h, w]` or `[n, d]`: in L0, with `channels`. */
export function onShape(threatModel: ThreatModel, shape: readonly number[]): ThreatModel {
  if (threatModel.norm !== 'L0') return threatModel
  return { ...threatModel, channels: shape.length === 4 ? shape[1]! : 1 }
}
