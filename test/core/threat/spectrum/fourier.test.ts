/** The Fourier transform as an expression and on the host, against fft.js and the definition. */
import { describe, expect, test } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import {
  fourierTransform,
  inverseFourierTransform,
} from '../../../../core/threat/spectrum/fourier.ts'
import {
  createPlaneTransform,
  newHalfSpectrum,
} from '../../../../core/threat/spectrum/plane-transform.ts'
import { float32, sliceRows } from '../../../../core/engine/tensor/tensor.ts'
import {
  evaluate,
  innerProduct,
  planeByFft,
  randomImages,
  spectrumByDefinition,
  spectrumByFft,
} from '../../../support/spectra.ts'

const powersOfTwo = [
  [32, 32],
  [8, 16],
  [4, 2],
] as const
const others = [
  [7, 5],
  [6, 9],
  [1, 6],
  [28, 28],
] as const

const forward = ({ x }: Record<string, ReturnType<typeof g.scalar>>) => ({
  ...fourierTransform(x!),
})

describe('the transform as an expression', () => {
  test.each(powersOfTwo)('agrees with fft.js on %i×%i', async (height, width) => {
    const x = randomImages([2, 3, height, width], 'fft')
    const output = await evaluate({ x }, forward)
    const size = height * width
    for (let plane = 0; plane < 6; plane++) {
      const [from, to] = [plane * size, (plane + 1) * size]
      const expected = spectrumByFft(x.data.slice(from, to), height, width)
      // float32 sums of up to a thousand terms of size 1.
      const tolerance = { atol: 2e-6 * size, rtol: 1e-5 }
      expect(output['real']!.slice(from, to)).toBeAllclose(expected.real, tolerance)
      expect(output['imaginary']!.slice(from, to)).toBeAllclose(expected.imaginary, tolerance)
    }
  })

  test.each(others)('agrees with the definition on %i×%i', async (height, width) => {
    const x = randomImages([1, 1, height, width], 'definition')
    const output = await evaluate({ x }, forward)
    const expected = spectrumByDefinition(x.data, height, width)
    const tolerance = { atol: 2e-6 * height * width, rtol: 1e-5 }
    expect(output['real']).toBeAllclose(expected.real, tolerance)
    expect(output['imaginary']).toBeAllclose(expected.imaginary, tolerance)
  })

  test.each([...powersOfTwo, ...others])('has an inverse on %i×%i', async (height, width) => {
    const x = randomImages([2, 1, height, width], 'inverse')
    const output = await evaluate({ x }, (inputs) => ({
      ...inverseFourierTransform(fourierTransform(inputs['x']!)),
    }))
    expect(output['real']).toBeAllclose(x.data, { atol: 1e-5 })
    expect(output['imaginary']).toBeAllclose(new Float32Array(x.data.length), { atol: 1e-5 })
  })

  test('inverts complex spectra like fft.js', async () => {
    const [a, b] = [randomImages([8, 4], 'real'), randomImages([8, 4], 'imaginary')]
    const output = await evaluate({ a, b }, (inputs) => ({
      ...inverseFourierTransform({ real: inputs['a']!, imaginary: inputs['b']! }),
    }))
    const spectrum = { real: Float64Array.from(a.data), imaginary: Float64Array.from(b.data) }
    const expected = planeByFft(spectrum, 8, 4)
    expect(output['real']).toBeAllclose(expected.real)
    expect(output['imaginary']).toBeAllclose(expected.imaginary)
  })

  test('has the adjoint as gradient: h·w times the inverse', async () => {
    const [x, upstream] = [randomImages([6, 5], 'x'), randomImages([6, 5], 'upstream')]
    const output = await evaluate({ x, upstream }, (inputs) => {
      const { real } = fourierTransform(inputs['x']!)
      const [slope] = gradient(real, [inputs['x']!], { upstream: inputs['upstream']! })
      const zero = g.zerosLike(inputs['upstream']!)
      const inverse = inverseFourierTransform({ real: inputs['upstream']!, imaginary: zero })
      return { slope: slope!, expected: g.mul(inverse.real, 30) }
    })
    expect(output['slope']).toBeAllclose(output['expected']!, { atol: 1e-5 })
  })

  test('returns the same bits in any batch', async () => {
    const x = randomImages([5, 3, 8, 6], 'batch')
    const together = await evaluate({ x }, forward)
    for (let row = 0; row < 5; row++) {
      const { data } = sliceRows(x, row, row + 1)
      const alone = await evaluate({ x: float32([1, 3, 8, 6], data) }, forward)
      const part = together['real']!.slice(row * 144, (row + 1) * 144)
      expect(alone['real']).toEqual(part)
    }
  })

  test('rejects symbolic sizes', () => {
    expect(() => fourierTransform(g.input('x', 'float32', ['n', 3, 'h', 8]))).toThrow(
      'expected […, height, width] of known sizes',
    )
  })
})

describe('the transform on the host', () => {
  test.each([...others, [5, 8], [3, 1]] as const)('agrees with the definition on %i×%i', (h, w) => {
    const { data } = randomImages([h, w], 'host')
    const transform = createPlaneTransform(h, w)
    const half = newHalfSpectrum(transform)
    transform.forward(data, half)
    const expected = spectrumByDefinition(data, h, w)
    transform.rows.forEach((u) => {
      transform.columns.forEach((v) => {
        const at = u * transform.columns.length + v
        expect(half.real[at]).toBeCloseTo(expected.real[u * w + v]!, 9)
        expect(half.imaginary[at]).toBeCloseTo(expected.imaginary[u * w + v]!, 9)
      })
    })
    const back = new Float64Array(h * w)
    transform.inverse(half, back)
    expect(back).toBeAllclose(data, { atol: 1e-13, rtol: 0 })
  })

  test('agrees with fft.js, and conserves energy (Parseval)', () => {
    const { data } = randomImages([16, 8], 'host')
    const transform = createPlaneTransform(16, 8)
    const half = newHalfSpectrum(transform)
    transform.forward(data, half)
    const expected = spectrumByFft(data, 16, 8)
    let energy = 0
    transform.rows.forEach((u) => {
      transform.columns.forEach((v) => {
        const at = u * transform.columns.length + v
        expect(half.real[at]).toBeCloseTo(expected.real[u * 8 + v]!, 10)
        expect(half.imaginary[at]).toBeCloseTo(expected.imaginary[u * 8 + v]!, 10)
        energy += transform.multiplicity(v) * (half.real[at]! ** 2 + half.imaginary[at]! ** 2)
      })
    })
    expect(energy / 128).toBeCloseTo(innerProduct(data, data), 9)
  })
})
