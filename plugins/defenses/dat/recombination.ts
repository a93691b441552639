/** Recombined images: the phase of an image with an amplitude that is partly foreign. */
import { g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import { applyViews } from '../../../core/api/training.ts'
import type { Views } from '../../../core/api/training.ts'
import { amplitude, fourierTransform, mixAmplitude } from '../../../core/api/transforms.ts'

/** How to recombine images. */
export interface Recombination {
  /** λ, `[n, 1, 1, 1]`. */
  readonly mix: Value
  readonly views: Views<Value>
  readonly bounds: readonly [low: number, high: number]
}

/**
 * Crop and flip of clip(F⁻¹((λ·A₀ + (1 − λ)·A(x))·e^{jP(x)})). Differentiable in the amplitude.
 * @param images x, `[n, c, h, w]`
 * @param foreign A₀, in the shape of x
 * @see Li et al. 2024, equation 2
 */
export function recombineImages(
  images: Value,
  foreign: Value,
  { mix, views, bounds }: Recombination,
): Value {
  return applyViews(g.clip(mixAmplitude(images, foreign, mix), ...bounds), views)
}

/** A(x) of images `[n, c, h, w]`. */
export function amplitudeOf(images: Value): Value {
  return amplitude(fourierTransform(images))
}

/** An amplitude in (0, 1), scaled by the largest amplitude of each channel of the image. */
export function scaleToImage(unit: Value, images: Value): Value {
  return g.mul(unit, g.reduceMax(amplitudeOf(images), [2, 3], true))
}
