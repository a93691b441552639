/** All corruptions of CIFAR-10-C: the 15 of the benchmark in the order of the paper, then the 4 extra ones. */
import { defocusBlur, gaussianBlur, glassBlur, motionBlur, zoomBlur } from './blur.ts'
import { contrast, elasticTransform, jpegCompression, pixelate, saturate } from './digital.ts'
import { gaussianNoise, impulseNoise, shotNoise, speckleNoise } from './noise.ts'
import { brightness, fog, frost, snow, spatter } from './weather.ts'

/**
 * Id, family, `benchmark` or `extra`, and the constants of the five severities: those of CIFAR-10-C, for 32 × 32 pixels.
 * @see Hendrycks, Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations", arXiv:1903.12261, section 3
 */
export const corruptions = [
  gaussianNoise,
  shotNoise,
  impulseNoise,
  defocusBlur,
  glassBlur,
  motionBlur,
  zoomBlur,
  snow,
  frost,
  fog,
  brightness,
  contrast,
  elasticTransform,
  pixelate,
  jpegCompression,
  speckleNoise,
  gaussianBlur,
  spatter,
  saturate,
] as const

export type CorruptionId = (typeof corruptions)[number]['id']

export const corruptionIds: readonly CorruptionId[] = corruptions.map(({ id }) => id)
