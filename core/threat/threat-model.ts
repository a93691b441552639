/** The threat model: which changes of an input the attacker may make. */
import type { AttributeName } from './attributes.ts'

/** Norms in which a perturbation is measured. */
export type Norm = 'Linf' | 'L2' | 'L1'

export const norms = ['Linf', 'L2', 'L1'] as const satisfies readonly Norm[]

/**
 * An attacker may return any x' with ‖x' − T(x)‖ ≤ epsilon and every component within `bounds`, where T is a permitted
 * transform: the identity unless `transform` is given. `epsilon` is in the units of the inputs (8/255 for pixels in [0, 1]).
 */
export interface ThreatModel {
  readonly norm: Norm
  /** Above zero; with a transform zero too, which leaves the transform alone. */
  readonly epsilon: number
  readonly bounds: readonly [low: number, high: number]
  /** The identity is always among what it permits. */
  readonly transform?: Transform
}

export type Transform = AttributeTransform | AmplitudeTransform | CorruptionTransform
export type TransformKind = Transform['kind']

/** T(x) changes natural attributes of the image; one that is not named stays as it is. */
export interface AttributeTransform {
  readonly kind: 'attribute'
  readonly ranges: AttributeRanges
}

/** Per attribute the lowest and highest value, in the attribute's unit, with the neutral value between them. */
export type AttributeRanges = Readonly<
  Partial<Record<AttributeName, readonly [low: number, high: number]>>
>

/**
 * T(x) = clip(Re F⁻¹(s ⊙ ((1 − λ)·A(x) + λ·A(x₀)) · e^{j·P(x)})) with A and P the amplitude and phase of the Fourier transform per channel:
 * x₀ any example of the data set, 0 ≤ λ ≤ `mix`, and each |s − 1| ≤ `scale`.
 */
export interface AmplitudeTransform {
  readonly kind: 'amplitude'
  /** λ_max, from 0 to 1. */
  readonly mix: number
  /** ρ, from 0 to 1. */
  readonly scale: number
}

/** T is a corruption of the data that nobody chose against the model: only the bounds limit it. */
export interface CorruptionTransform {
  readonly kind: 'corruption'
}
