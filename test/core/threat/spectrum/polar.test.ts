/** Amplitude and phase expressions: against fft.js, without NaN; identities of mixing. */
import { describe, expect, test } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { fourierTransform } from '../../../../core/threat/spectrum/fourier.ts'
import {
  amplitude,
  mixAmplitude,
  recombine,
  unitPhase,
} from '../../../../core/threat/spectrum/polar.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { evaluate, planeByFft, randomImages, spectrumByFft } from '../../../support/spectra.ts'
import type { PlaneSpectrum } from '../../../support/spectra.ts'

const [height, width] = [8, 16]
const size = height * width
const x = randomImages([1, 1, height, width], 'x')
const foreign = randomImages([1, 1, height, width], 'foreign')
const upstream = randomImages([1, 1, height, width], 'upstream')
const spectrum = spectrumByFft(x.data, height, width)
const amplitudes = moduli(spectrum)
/** float32 in transforms of 128 terms. */
const close = { atol: 2e-5, rtol: 1e-4 }

function moduli({ real, imaginary }: PlaneSpectrum): Float64Array {
  return real.map((value, k) => Math.hypot(value, imaginary[k]!))
}

/** Re F⁻¹(A·e^{jP(x)}) by fft.js. */
function withOwnPhase(changed: ArrayLike<number>): Float64Array {
  const factor = amplitudes.map((a, k) => changed[k]! / a)
  return planeByFft(
    {
      real: spectrum.real.map((value, k) => value * factor[k]!),
      imaginary: spectrum.imaginary.map((value, k) => value * factor[k]!),
    },
    height,
    width,
  ).real
}

test('amplitude and phase agree with fft.js', async () => {
  const output = await evaluate({ x }, (inputs) => {
    const z = fourierTransform(inputs['x']!)
    const { real, imaginary } = unitPhase(z)
    return { amplitude: amplitude(z), cosine: real, sine: imaginary }
  })
  expect(output['amplitude']).toBeAllclose(amplitudes, close)
  const angles = spectrum.real.map((value, k) => Math.atan2(spectrum.imaginary[k]!, value))
  expect(output['cosine']).toBeAllclose(angles.map(Math.cos), close)
  expect(output['sine']).toBeAllclose(angles.map(Math.sin), close)
})

test('together they reproduce the image', async () => {
  const { again } = await evaluate({ x }, (inputs) => {
    const z = fourierTransform(inputs['x']!)
    return { again: recombine(amplitude(z), unitPhase(z)) }
  })
  expect(again).toBeAllclose(x.data, close)
})

test.each([
  ['black', () => 0],
  ['gray', () => 0.5],
  ['striped, with one wave', (_: number, i: number) => (i % 2 === 0 ? 0.25 : 0.75)],
] as const)('an image with empty bins has no NaN: %s', async (_, pixel) => {
  const image = float32([1, 1, height, width], Float32Array.from({ length: size }, pixel))
  const output = await evaluate({ image, foreign }, (inputs) => {
    const z = fourierTransform(inputs['image']!)
    const mixed = recombine(inputs['foreign']!, unitPhase(z))
    const [slope] = gradient(g.mul(amplitude(z), mixed), [inputs['image']!])
    return { amplitude: amplitude(z), ...unitPhase(z), mixed, slope: slope! }
  })
  for (const values of Object.values(output)) {
    expect(values.every(Number.isFinite)).toBe(true)
  }
  const empty = output['amplitude']!.findIndex((value) => value === 0)
  expect([output['real']![empty], output['imaginary']![empty]]).toEqual([1, 0])
})

describe('mixing', () => {
  const mixed = async (share: number, other: Float32Array): Promise<Float32Array> => {
    const output = await evaluate({ x, other: float32(x.shape, other) }, (inputs) => {
      const amplitudeOfOther = amplitude(fourierTransform(inputs['other']!))
      return { image: mixAmplitude(inputs['x']!, amplitudeOfOther, g.scalar(share)) }
    })
    return output['image']!
  }

  test('with λ = 0 returns the image', async () => {
    expect(await mixed(0, foreign.data)).toBeAllclose(x.data, { atol: 1e-6, rtol: 0 })
  })

  test('with itself returns the image', async () => {
    expect(await mixed(0.7, x.data)).toBeAllclose(x.data, close)
  })

  test('is the inverse transform of the mixed amplitude', async () => {
    const other = moduli(spectrumByFft(foreign.data, height, width))
    const expected = withOwnPhase(amplitudes.map((a, k) => 0.6 * a + 0.4 * other[k]!))
    expect(await mixed(0.4, foreign.data)).toBeAllclose(expected, close)
  })

  test('does not change the phase', async () => {
    const image = await mixed(0.4, foreign.data)
    const after = spectrumByFft(image, height, width)
    const lengths = moduli(after)
    const cosines = after.real.map((value, k) => value / lengths[k]!)
    const own = spectrum.real.map((value, k) => value / amplitudes[k]!)
    expect(cosines).toBeAllclose(own, { atol: 1e-3 })
  })
})

test('only the symmetric part of an amplitude has an effect', async () => {
  const symmetric = foreign.data.map((value, k) => {
    const [u, v] = [Math.floor(k / width), k % width]
    const negative = ((height - u) % height) * width + ((width - v) % width)
    return (value + foreign.data[negative]!) / 2
  })
  const { image } = await evaluate({ x, foreign }, (inputs) => ({
    image: recombine(inputs['foreign']!, unitPhase(fourierTransform(inputs['x']!))),
  }))
  expect(image).toBeAllclose(withOwnPhase(symmetric), close)
})

describe('gradients', () => {
  const through = spectrumByFft(upstream.data, height, width)

  test('with respect to the amplitude: Re(e^{−jP} ⊙ F(g))/(hw)', async () => {
    const { slope } = await evaluate({ x, foreign, upstream }, (inputs) => {
      const image = recombine(inputs['foreign']!, unitPhase(fourierTransform(inputs['x']!)))
      const [slope] = gradient(image, [inputs['foreign']!], { upstream: inputs['upstream']! })
      return { slope: slope! }
    })
    const expected = amplitudes.map(
      (a, k) =>
        (spectrum.real[k]! * through.real[k]! + spectrum.imaginary[k]! * through.imaginary[k]!) /
        (a * size),
    )
    expect(slope).toBeAllclose(expected, close)
  })

  test('in the image, through its phase: −hw·Im F⁻¹(w ⊙ e^{jP}), w = dφ/A', async () => {
    const { slope } = await evaluate({ x, foreign, upstream }, (inputs) => {
      const image = recombine(inputs['foreign']!, unitPhase(fourierTransform(inputs['x']!)))
      const [slope] = gradient(image, [inputs['x']!], { upstream: inputs['upstream']! })
      return { slope: slope! }
    })
    // dφ = −(A₀/hw)·Im(e^{jP} ⊙ conj F(g))
    const weights = amplitudes.map((a, k) => {
      const imaginary =
        (spectrum.imaginary[k]! * through.real[k]! - spectrum.real[k]! * through.imaginary[k]!) / a
      return (-(foreign.data[k]! / size) * imaginary) / a
    })
    const { imaginary } = planeByFft(
      {
        real: spectrum.real.map((value, k) => (weights[k]! * value) / amplitudes[k]!),
        imaginary: spectrum.imaginary.map((value, k) => (weights[k]! * value) / amplitudes[k]!),
      },
      height,
      width,
    )
    expect(slope).toBeAllclose(
      imaginary.map((value) => -size * value),
      close,
    )
  })
})
