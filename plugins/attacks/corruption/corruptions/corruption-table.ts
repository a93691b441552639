/** All corruptions of CIFAR-10-C by id. */
import type { CorruptionId } from '../../../../core/api/transforms.ts'
import { defocusBlur, gaussianBlur, glassBlur, motionBlur, zoomBlur } from './blur.ts'
import type { Corruption } from './corruption-record.ts'
import { contrast, elasticTransform, jpegCompression, pixelate, saturate } from './digital.ts'
import { gaussianNoise, impulseNoise, shotNoise, speckleNoise } from './noise.ts'
import { brightness, fog, frost, snow, spatter } from './weather.ts'

/**
 * One record per id. The constants of the five severities are those published for 32 × 32 pixels.
 * @see Hendrycks and Dietterich 2019, section 3
 */
export const corruptions: { readonly [Id in CorruptionId]: Corruption & { readonly id: Id } } = {
  'gaussian-noise': gaussianNoise,
  'shot-noise': shotNoise,
  'impulse-noise': impulseNoise,
  'defocus-blur': defocusBlur,
  'glass-blur': glassBlur,
  'motion-blur': motionBlur,
  'zoom-blur': zoomBlur,
  snow,
  frost,
  fog,
  brightness,
  contrast,
  'elastic-transform': elasticTransform,
  pixelate,
  'jpeg-compression': jpegCompression,
  'speckle-noise': speckleNoise,
  'gaussian-blur': gaussianBlur,
  spatter,
  saturate,
}
