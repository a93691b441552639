/** Amplitude and phase on the host: the diagnostic pair, and agreement with the expressions. */
import { expect, test } from 'vitest'
import { fourierTransform } from '../../../../core/threat/spectrum/fourier.ts'
import {
  createImageTransform,
  exchangeAmplitudes,
} from '../../../../core/threat/spectrum/image-spectrum.ts'
import { amplitude, recombine, unitPhase } from '../../../../core/threat/spectrum/polar.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { evaluate, planeByFft, randomImages, spectrumByFft } from '../../../support/spectra.ts'

const clean = randomImages([2, 3, 8, 4], 'clean')
const adversarial = randomImages([2, 3, 8, 4], 'adversarial')

test('the diagnostic pair exchanges amplitudes, like fft.js', () => {
  const { adversarialAmplitude, adversarialPhase } = exchangeAmplitudes(clean, adversarial)
  for (let plane = 0; plane < 6; plane++) {
    const part = (data: Float32Array): Float32Array => data.slice(plane * 32, (plane + 1) * 32)
    const expected = (amplitudeOf: Float32Array, phaseOf: Float32Array): Float64Array => {
      const [a, p] = [spectrumByFft(amplitudeOf, 8, 4), spectrumByFft(phaseOf, 8, 4)]
      const factor = a.real.map(
        (value, k) => Math.hypot(value, a.imaginary[k]!) / Math.hypot(p.real[k]!, p.imaginary[k]!),
      )
      const real = p.real.map((value, k) => factor[k]! * value)
      const imaginary = p.imaginary.map((value, k) => factor[k]! * value)
      return planeByFft({ real, imaginary }, 8, 4).real
    }
    const [own, other] = [part(clean.data), part(adversarial.data)]
    expect(part(adversarialAmplitude.data)).toBeAllclose(expected(other, own))
    expect(part(adversarialPhase.data)).toBeAllclose(expected(own, other))
  }
})

test('the diagnostic pair of an image with itself is that image twice', () => {
  const { adversarialAmplitude, adversarialPhase } = exchangeAmplitudes(clean, clean)
  expect(adversarialAmplitude.data).toBeAllclose(clean.data, { rtol: 0 })
  expect(adversarialPhase.data).toBeAllclose(clean.data, { rtol: 0 })
})

test('a gray image with the amplitude of another has no NaN', () => {
  const gray = float32([1, 1, 5, 5], new Float32Array(25).fill(0.5))
  const other = randomImages([1, 1, 5, 5], 'other')
  for (const { data } of Object.values(exchangeAmplitudes(gray, other))) {
    expect(data.every(Number.isFinite)).toBe(true)
  }
})

test('host and expression recombine equally, for sizes that are not powers of two', async () => {
  const [x, other] = [randomImages([1, 2, 7, 6], 'x'), randomImages([1, 2, 7, 6], 'other')]
  const { image } = await evaluate({ x, other }, (inputs) => ({
    image: recombine(
      amplitude(fourierTransform(inputs['other']!)),
      unitPhase(fourierTransform(inputs['x']!)),
    ),
  }))
  const { spectrumOf, recombine: recombineOnHost } = createImageTransform([2, 7, 6])
  const output = new Float64Array(84)
  recombineOnHost(spectrumOf(other.data).amplitude, spectrumOf(x.data), output)
  expect(image).toBeAllclose(output, { atol: 1e-5, rtol: 1e-4 })
})
