/** `robench/transforms`: image transforms of threat models, and spectra. */
export { clipToBounds, createAmplitudeChange } from '../threat/amplitude-change.ts'
export type {
  AmplitudeChange,
  AmplitudeMixture,
  AmplitudeParameters,
} from '../threat/amplitude-change.ts'
export { attributes } from '../threat/attributes.ts'
export type { AttributeName } from '../threat/attributes.ts'
export { attributeTransform } from '../threat/attributes/expression.ts'
export type { AttributeValues } from '../threat/attributes/expression.ts'
export { AttributeSession } from '../threat/attributes/session.ts'
export type { AttributeSessionOptions } from '../threat/attributes/session.ts'
export { corruptionIds } from '../threat/corruption-ids.ts'
export type { CorruptionId } from '../threat/corruption-ids.ts'
export { fourierTransform, inverseFourierTransform } from '../threat/spectrum/fourier.ts'
export type { Complex } from '../threat/spectrum/fourier.ts'
export { exchangeAmplitudes } from '../threat/spectrum/image-spectrum.ts'
export type { AmplitudeAndPhase, ImageSpectrum } from '../threat/spectrum/image-spectrum.ts'
export { amplitude, mixAmplitude, recombine, unitPhase } from '../threat/spectrum/polar.ts'
export { createImageFilter, radialFilter } from '../threat/spectrum/radial-filter.ts'
export type { ImageFilter } from '../threat/spectrum/radial-filter.ts'
export type { Band, MaskShape, RadialBand } from '../threat/spectrum/radial-mask.ts'
export { radiusOfEnergy } from '../threat/spectrum/spectral-energy.ts'
export { rangedAttributes, requireAttributeRanges } from '../threat/transforms/attribute.ts'
