/** The pictures of one example: clean, adversarial, their difference, and its spectrum. */
import {
  createPlaneTransform,
  newHalfSpectrum,
} from '../../core/threat/spectrum/plane-transform.ts'
import { pngBytes } from '../../reports/compare/pictures.ts'
import type { ExamplePicture } from './examples-schema.ts'

/** By how much the difference is enlarged, around middle gray. */
export const differenceFactor = 10

/** The size of an image: channels, height, width. */
export type ImageShape = readonly [channels: number, height: number, width: number]

/**
 * Draws an example.
 * @param clean `[c, h, w]` within `bounds`, like `adversarial`
 */
export function exampleImages(
  clean: Float32Array,
  adversarial: Float32Array,
  shape: ImageShape,
  [low, high]: readonly [low: number, high: number],
): ExamplePicture['images'] {
  const scaled = (image: Float32Array): Float32Array =>
    image.map((value) => (value - low) / (high - low))
  const [own, other] = [scaled(clean), scaled(adversarial)]
  const difference = other.map((value, i) => value - own[i]!)
  const enlarged = difference.map((value) => 0.5 + differenceFactor * value)
  const [, height, width] = shape
  const base64 = (image: Float32Array, size: ImageShape): string =>
    pngBytes(image, size).toString('base64')
  return {
    clean: base64(own, shape),
    adversarial: base64(other, shape),
    difference: base64(enlarged, shape),
    spectrum: base64(spectrumImage(difference, shape), [1, height, width]),
  }
}

/**
 * The amplitudes of the Fourier transform of an image, root mean square over channels, as a picture
 * `[h, w]` in [0, 1]: log(1 + a), divided by its largest value, with frequency 0 in the middle.
 */
export function spectrumImage(image: Float32Array, shape: ImageShape): Float32Array {
  const [channels, height, width] = shape
  const transform = createPlaneTransform(height, width)
  const half = newHalfSpectrum(transform)
  const power = new Float64Array(height * width)
  const columns = transform.columns.length
  for (let c = 0; c < channels; c++) {
    const plane = image.subarray(c * height * width, (c + 1) * height * width)
    transform.forward(plane, half)
    for (let u = 0; u < height; u++) {
      for (let v = 0; v < width; v++) {
        // Z(−k) is the conjugate of Z(k).
        const isHeld = v < columns
        const at = isHeld
          ? u * columns + v
          : ((height - u) % height) * columns + ((width - v) % width)
        const place =
          ((u + Math.floor(height / 2)) % height) * width + ((v + Math.floor(width / 2)) % width)
        power[place]! += half.real[at]! ** 2 + half.imaginary[at]! ** 2
      }
    }
  }
  const shown = Float32Array.from(power, (value) => Math.log1p(Math.sqrt(value / channels)))
  const largest = shown.reduce((most, value) => Math.max(most, value), 0)
  return largest === 0 ? shown : shown.map((value) => value / largest)
}
