/** Images with changed amplitude and unchanged phase: arithmetic shared by attacks and the host. */
import { createImageTransform } from './spectrum/image-spectrum.ts'
import type { ImageSpectrum } from './spectrum/image-spectrum.ts'
import { roundDown, roundUp } from './rounding.ts'

/** An image x, and an image x₀ whose amplitude it can be mixed with. */
export interface AmplitudeMixture {
  /** x: `[c, h, w]` */
  readonly image: Float32Array
  readonly spectrum: ImageSpectrum
  /** For x₀: A(x₀), and Re F⁻¹(A(x₀)·e^{jP(x)}) in float64. */
  readonly foreign?: { readonly amplitude: Float64Array; readonly image: Float64Array }
}

/** The parameters of T for one image. */
export interface AmplitudeParameters {
  /** λ: a float32; above 0 only if the mixture has a foreign image. */
  readonly mix: number
  /** s: `[c, h, w]`, frequency 0 first; default: all ones. */
  readonly scale?: Float32Array
}

/** The transform T and its gradient for images of one shape. */
export interface AmplitudeChange {
  /** A mixture of x only. */
  own(image: Float32Array): AmplitudeMixture
  /** The same x with another x₀ `[c, h, w]`. */
  withForeign(mixture: AmplitudeMixture, foreign: Float32Array): AmplitudeMixture
  /**
   * Re F⁻¹(s ⊙ ((1 − λ)·A(x) + λ·A(x₀))·e^{jP(x)}) in float64, not clipped; x itself if λ = 0 and
   * s = 1.
   */
  apply(mixture: AmplitudeMixture, parameters: AmplitudeParameters, output: Float64Array): void
  /** The gradient with respect to s `[c, h, w]`, from the gradient at the output of `apply`. */
  scaleGradient(mixture: AmplitudeMixture, mix: number, gradient: Float64Array): Float64Array
}

/**
 * Creates the transform for images of one shape. Each image is computed by itself, so the same
 * parameters give the same bits in any batch.
 * @param low the lower bound of the pixels: amplitudes are those of x − low, so that images in
 *   [−1, 1] change as the same images in [0, 1] do
 */
export function createAmplitudeChange(
  shape: readonly [channels: number, height: number, width: number],
  low = 0,
): AmplitudeChange {
  const above = (image: Float32Array): Float32Array =>
    low === 0 ? image : image.map((value) => value - low)
  const raise = (values: Float64Array): void => {
    if (low !== 0) for (let i = 0; i < values.length; i++) values[i]! += low
  }
  const transform = createImageTransform(shape)
  const [channels, height, width] = shape
  const { columns } = transform.plane
  const held = columns.length
  const changed = new Float64Array(channels * height * held)

  /** Calls `use` for each bin of the half spectrum, with its and its negative's whole index. */
  const forEachBin = (use: (half: number, whole: number, negative: number) => void): void => {
    for (let line = 0; line < channels * height; line++) {
      const u = line % height
      const negativeLine = line - u + ((height - u) % height)
      for (let v = 0; v < held; v++) {
        use(line * held + v, line * width + v, negativeLine * width + ((width - v) % width))
      }
    }
  }

  const mixedAmplitude = ({ spectrum, foreign }: AmplitudeMixture, mix: number): void => {
    changed.set(spectrum.amplitude)
    if (mix === 0 || foreign === undefined) return
    for (let k = 0; k < changed.length; k++) {
      changed[k]! += mix * (foreign.amplitude[k]! - changed[k]!)
    }
  }

  return {
    own: (image) => ({ image, spectrum: transform.spectrumOf(above(image)) }),
    withForeign({ image, spectrum }, foreign) {
      const { amplitude } = transform.spectrumOf(above(foreign))
      const exchanged = new Float64Array(image.length)
      transform.recombine(amplitude, spectrum, exchanged)
      raise(exchanged)
      return { image, spectrum, foreign: { amplitude, image: exchanged } }
    },
    apply(mixture, { mix, scale }, output) {
      const { image, spectrum, foreign } = mixture
      if (scale === undefined || scale.every((factor) => factor === 1)) {
        output.set(image)
        if (mix === 0 || foreign === undefined) return
        // T is linear in the amplitude.
        for (let i = 0; i < output.length; i++) {
          output[i]! += mix * (foreign.image[i]! - image[i]!)
        }
        return
      }
      mixedAmplitude(mixture, mix)
      // Only the symmetric part of s contributes to the real part.
      forEachBin((half, whole, negative) => {
        changed[half]! *= (scale[whole]! + scale[negative]!) / 2
      })
      transform.recombine(changed, spectrum, output)
      raise(output)
    },
    scaleGradient(mixture, mix, gradient) {
      const byAmplitude = transform.amplitudeGradient(gradient, mixture.spectrum)
      mixedAmplitude(mixture, mix)
      const byScale = new Float64Array(gradient.length)
      forEachBin((half, whole, negative) => {
        const value = byAmplitude[half]! * changed[half]!
        byScale[whole] = value
        byScale[negative] = value
      })
      return byScale
    },
  }
}

/** Writes float64 values as float32 values within the bounds. */
export function clipToBounds(
  [low, high]: readonly [low: number, high: number],
  values: Float64Array,
  output: Float32Array,
): void {
  const [lowest, highest] = [roundUp(low), roundDown(high)]
  for (let i = 0; i < values.length; i++) {
    output[i] = Math.min(Math.max(values[i]!, lowest), highest)
  }
}
