/** Fractions of spectral energy, for images with known spectra. */
import { describe, expect, test } from 'vitest'
import {
  highFrequencyEnergy,
  radiusOfEnergy,
} from '../../../../core/threat/spectrum/spectral-energy.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { randomImages, spectrumByFft } from '../../../support/spectra.ts'

/** Waves of 1 and 5 bins with amplitudes 3 and 1, and a constant: energies 9/2, 1/2 and c². */
function waves(constant: number): Float32Array {
  return Float32Array.from({ length: 16 * 16 }, (_, at) => {
    const j = at % 16
    return constant + 3 * Math.cos((2 * Math.PI * j) / 16) + Math.sin((2 * Math.PI * 5 * j) / 16)
  })
}

describe('the fraction of high frequencies', () => {
  test('includes bins at the radius and beyond', () => {
    const perturbations = float32([1, 1, 16, 16], waves(0))
    const shares = [0, 1, 2, 5, 6].map((radius) => highFrequencyEnergy(perturbations, radius)[0])
    expect(shares).toBeAllclose([1, 1, 0.1, 0.1, 0])
  })

  test('agrees with fft.js, over all channels', () => {
    const perturbations = randomImages([1, 2, 8, 4], 'noise')
    let [high, total] = [0, 0]
    for (const channel of [0, 1]) {
      const plane = perturbations.data.slice(channel * 32, (channel + 1) * 32)
      const { real, imaginary } = spectrumByFft(plane, 8, 4)
      real.forEach((value, k) => {
        const power = value ** 2 + imaginary[k]! ** 2
        const [u, v] = [Math.floor(k / 4), k % 4]
        total += power
        if (Math.hypot(Math.min(u, 8 - u), Math.min(v, 4 - v)) >= 2) high += power
      })
    }
    expect(highFrequencyEnergy(perturbations, 2)).toBeAllclose([high / total])
  })

  test('is 0 for no perturbation', () => {
    expect([...highFrequencyEnergy(float32([1, 1, 4, 4], new Float32Array(16)), 1)]).toEqual([0])
  })
})

test.each([
  [0.89, 2],
  [0.91, 6],
  [0.5, 2],
  [1, 12],
])('the radius that holds %f of the energy is %i', (share, radius) => {
  // A little energy at the farthest bin, so that all energy needs the largest radius.
  const images = float32([1, 1, 16, 16], waves(0))
  images.data.forEach((value, at) => {
    const sign = (Math.floor(at / 16) + at) % 2 === 0 ? 1 : -1
    images.data[at] = value + 1e-3 * sign
  })
  expect(radiusOfEnergy(images, share)).toBe(radius)
})

test('a constant counts as energy below every radius', () => {
  expect(radiusOfEnergy(float32([1, 1, 16, 16], waves(20)), 0.9)).toBe(1)
})
