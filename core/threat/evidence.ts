/** What an attack says about the transforms it used, so that the host can repeat them. */
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { AttributeName } from './attributes.ts'

/** Per example the parameters of T. */
export type TransformEvidence = AttributeEvidence | AmplitudeEvidence

export interface AttributeEvidence {
  readonly kind: 'attribute'
  /** Each `[n]`, float32 in the attribute's unit; an attribute that is not named is neutral. */
  readonly values: Readonly<Partial<Record<AttributeName, Float32Array>>>
}

export interface AmplitudeEvidence {
  readonly kind: 'amplitude'
  /** `[n]`: λ. */
  readonly mix: Float32Array
  /** `[n]`: the place of x₀ in the data set; looked at where λ > 0. */
  readonly distractors: Int32Array
  /** `[n, c, h, w]`: s, in the order of the discrete Fourier transform (no shift); all ones if left out. */
  readonly scale?: FloatTensor
}
