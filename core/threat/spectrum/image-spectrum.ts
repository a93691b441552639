/** Amplitude and phase of single images on the host, in float64. */
import { sizeOf, tensor } from '../../engine/tensor/tensor.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { createPlaneTransform, newHalfSpectrum } from './plane-transform.ts'
import type { HalfSpectrum, PlaneTransform } from './plane-transform.ts'

/** Spectrum of an image `[c, h, w]`: frequencies with v ≤ w/2, each `[c, h, ⌊w/2⌋ + 1]`. */
export interface ImageSpectrum {
  /** A */
  readonly amplitude: Float64Array
  /** e^{jP}: cosine and sine of the phase; 1 and 0 in an empty bin. */
  readonly cosine: Float64Array
  readonly sine: Float64Array
}

/**
 * A bin counts as empty if its amplitude is at most this fraction of the plane's largest: float64
 * rounding alone can produce as much.
 */
const emptyBinShare = 1e-12

/** Transforms images of one shape to spectra and back. Reuses its buffers for each image. */
export interface ImageTransform {
  readonly shape: readonly [channels: number, height: number, width: number]
  /** The frequencies of one channel of a half spectrum. */
  readonly plane: PlaneTransform
  spectrumOf(image: Float32Array | Float64Array): ImageSpectrum
  /** Re F⁻¹(A·e^{jP}), in float64 and not clipped. @param amplitude A, `[c, h, ⌊w/2⌋ + 1]` */
  recombine(amplitude: Float64Array, phase: ImageSpectrum, output: Float64Array): void
  /**
   * Re(e^{−jP} ⊙ F(g))/(hw) for a gradient g at the output of `recombine`: the gradient with
   * respect to the amplitudes, `[c, h, ⌊w/2⌋ + 1]`.
   */
  amplitudeGradient(gradient: Float64Array, phase: ImageSpectrum): Float64Array
}

/** Tables for images of that shape. */
export function createImageTransform(shape: ImageTransform['shape']): ImageTransform {
  const [channels, height, width] = shape
  const plane = createPlaneTransform(height, width)
  const bins = plane.rows.length * plane.columns.length
  const pixels = height * width
  const half = newHalfSpectrum(plane)
  // A single array type keeps the inner loops fast.
  const channelPixels = new Float64Array(pixels)
  const transformChannel = (image: Float32Array | Float64Array, channel: number): void => {
    channelPixels.set(image.subarray(channel * pixels, (channel + 1) * pixels))
    plane.forward(channelPixels, half)
  }
  const part = (data: Float64Array, channel: number): Float64Array =>
    data.subarray(channel * bins, (channel + 1) * bins)

  return {
    shape,
    plane,
    spectrumOf(image) {
      const size = channels * bins
      const spectrum = {
        amplitude: new Float64Array(size),
        cosine: new Float64Array(size),
        sine: new Float64Array(size),
      }
      for (let channel = 0; channel < channels; channel++) {
        transformChannel(image, channel)
        writePolar(half, {
          amplitude: part(spectrum.amplitude, channel),
          cosine: part(spectrum.cosine, channel),
          sine: part(spectrum.sine, channel),
        })
      }
      return spectrum
    },
    recombine(amplitude, { cosine, sine }, output) {
      for (let channel = 0; channel < channels; channel++) {
        const from = channel * bins
        for (let k = 0; k < bins; k++) {
          half.real[k] = amplitude[from + k]! * cosine[from + k]!
          half.imaginary[k] = amplitude[from + k]! * sine[from + k]!
        }
        plane.inverse(half, output.subarray(channel * pixels, (channel + 1) * pixels))
      }
    },
    amplitudeGradient(gradient, { cosine, sine }) {
      const byAmplitude = new Float64Array(channels * bins)
      for (let channel = 0; channel < channels; channel++) {
        const from = channel * bins
        transformChannel(gradient, channel)
        for (let k = 0; k < bins; k++) {
          const along = half.real[k]! * cosine[from + k]! + half.imaginary[k]! * sine[from + k]!
          byAmplitude[from + k] = along / pixels
        }
      }
      return byAmplitude
    },
  }
}

function writePolar({ real, imaginary }: HalfSpectrum, plane: ImageSpectrum): void {
  const { amplitude, cosine, sine } = plane
  let largest = 0
  for (let k = 0; k < amplitude.length; k++) {
    const length = Math.sqrt(real[k]! ** 2 + imaginary[k]! ** 2)
    amplitude[k] = length
    largest = Math.max(largest, length)
  }
  for (let k = 0; k < amplitude.length; k++) {
    const length = amplitude[k]!
    const empty = length <= emptyBinShare * largest
    if (empty) amplitude[k] = 0
    cosine[k] = empty ? 1 : real[k]! / length
    sine[k] = empty ? 0 : imaginary[k]! / length
  }
}

/** An attack split into its change of the amplitude and its change of the phase. */
export interface AmplitudeAndPhase {
  /** x'_amp = F⁻¹(A(x'), P(x)): the adversarial amplitude with the clean phase. */
  readonly adversarialAmplitude: FloatTensor
  /** x'_pha = F⁻¹(A(x), P(x')): the clean amplitude with the adversarial phase. */
  readonly adversarialPhase: FloatTensor
}

/**
 * Exchanges amplitude and phase between each example and its adversarial example, as a diagnostic.
 * The results are not clipped.
 * @param clean x and @param adversarial x', both `[n, c, h, w]`
 * @see Li et al. 2024, arXiv:2410.12307, section 2
 */
export function exchangeAmplitudes(
  clean: FloatTensor,
  adversarial: FloatTensor,
): AmplitudeAndPhase {
  const [count = 0, channels = 1, height = 1, width = 1] = clean.shape
  const { spectrumOf, recombine } = createImageTransform([channels, height, width])
  const size = sizeOf(clean.shape.slice(1))
  const amplitudes = new Float32Array(clean.data.length)
  const phases = new Float32Array(clean.data.length)
  const image = new Float64Array(size)
  for (let row = 0; row < count; row++) {
    const own = spectrumOf(clean.data.subarray(row * size, (row + 1) * size))
    const other = spectrumOf(adversarial.data.subarray(row * size, (row + 1) * size))
    recombine(other.amplitude, own, image)
    amplitudes.set(image, row * size)
    recombine(own.amplitude, other, image)
    phases.set(image, row * size)
  }
  return {
    adversarialAmplitude: tensor('float32', clean.shape, amplitudes),
    adversarialPhase: tensor('float32', clean.shape, phases),
  }
}
