/** Filters are linear, self-adjoint, complementary, real; expression, host, and fft.js agree. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { createImageFilter, radialFilter } from '../../../../core/threat/spectrum/radial-filter.ts'
import { radialMask } from '../../../../core/threat/spectrum/radial-mask.ts'
import type { RadialBand } from '../../../../core/threat/spectrum/radial-mask.ts'
import {
  evaluate,
  innerProduct,
  planeByFft,
  randomImages,
  spectrumByFft,
} from '../../../support/spectra.ts'

const bands: readonly RadialBand[] = [
  { band: 'high', radius: 2 },
  { band: 'low', radius: 3 },
  { band: 'band', radius: 1, outerRadius: 3 },
  { band: 'high', radius: 2, mask: 'gaussian' },
  { band: 'low', radius: 2.5, mask: 'butterworth', order: 3 },
  { band: 'band', radius: 1, outerRadius: 4, mask: 'gaussian' },
]

function onHost(
  band: RadialBand,
  shape: readonly [number, number, number],
  image: ArrayLike<number>,
): Float64Array {
  const output = new Float64Array(image.length)
  createImageFilter(band, shape)(Float64Array.from(image), output)
  return output
}

describe.each(bands)('%j', (band) => {
  test('agrees with fft.js, as expression and on the host', async () => {
    const x = randomImages([1, 2, 8, 16], 'filter')
    const { filtered } = await evaluate({ x }, (inputs) => ({
      filtered: radialFilter(inputs['x']!, band),
    }))
    const mask = radialMask(band, 8, 16)
    const expected = [0, 1].flatMap((channel) => {
      const plane = x.data.slice(channel * 128, (channel + 1) * 128)
      const { real, imaginary } = spectrumByFft(plane, 8, 16)
      const masked = {
        real: real.map((value, k) => value * mask[k]!),
        imaginary: imaginary.map((value, k) => value * mask[k]!),
      }
      const back = planeByFft(masked, 8, 16)
      // The mask is symmetric, so the imaginary part is zero.
      expect(back.imaginary).toBeAllclose(new Float64Array(128), { atol: 1e-12 })
      return [...back.real]
    })
    expect(onHost(band, [2, 8, 16], x.data)).toBeAllclose(expected, { atol: 1e-13, rtol: 0 })
    expect(filtered).toBeAllclose(expected, { atol: 2e-6 })
  })

  test('has the filtered upstream gradient as gradient', async () => {
    const [x, upstream] = [randomImages([1, 1, 7, 6], 'x'), randomImages([1, 1, 7, 6], 'up')]
    const { slope } = await evaluate({ x, upstream }, (inputs) => {
      const filtered = radialFilter(inputs['x']!, band)
      return { slope: gradient(filtered, [inputs['x']!], { upstream: inputs['upstream']! })[0]! }
    })
    expect(slope).toBeAllclose(onHost(band, [1, 7, 6], upstream.data), { atol: 2e-6 })
  })
})

const cases = fc.record({
  band: fc.constantFrom(...bands),
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
  name: fc.string(),
})

test('⟨F a, b⟩ = ⟨a, F b⟩, for any size', () => {
  fc.assert(
    fc.property(cases, ({ band, height, width, name }) => {
      const shape = [2, height, width] as const
      const [a, b] = [randomImages(shape, `a${name}`).data, randomImages(shape, `b${name}`).data]
      const [left, right] = [onHost(band, shape, a), onHost(band, shape, b)]
      expect(innerProduct(left, b)).toBeCloseTo(innerProduct(a, right), 9)
    }),
  )
})

test('high-pass and low-pass together are the identity', () => {
  fc.assert(
    fc.property(cases, ({ band, height, width, name }) => {
      const shape = [1, height, width] as const
      const { data } = randomImages(shape, name)
      const { mask = 'ideal', order = 2, radius } = band
      const low = onHost({ band: 'low', mask, order, radius }, shape, data)
      const sum = onHost({ band: 'high', mask, order, radius }, shape, data).map(
        (value, i) => value + low[i]!,
      )
      expect(sum).toBeAllclose(data, { atol: 1e-12, rtol: 0 })
    }),
  )
})

test('an ideal filter is idempotent', () => {
  fc.assert(
    fc.property(cases, ({ band: { band, radius, outerRadius }, height, width, name }) => {
      const ideal = { band, radius, ...(outerRadius && { outerRadius }) }
      const shape = [1, height, width] as const
      const once = onHost(ideal, shape, randomImages(shape, name).data)
      expect(onHost(ideal, shape, once)).toBeAllclose(once, { atol: 1e-12, rtol: 0 })
    }),
  )
})

test.each(['ideal', 'gaussian', 'butterworth'] as const)(
  'a high-pass image has mean zero per channel: %s',
  (mask) => {
    const { data } = randomImages([2, 5, 6], 'mean')
    const filtered = onHost({ band: 'high', radius: 0.5, mask }, [2, 5, 6], data)
    const ones = new Float64Array(30).fill(1)
    for (const channel of [0, 1]) {
      const plane = filtered.subarray(channel * 30, (channel + 1) * 30)
      expect(innerProduct(plane, ones)).toBeCloseTo(0, 12)
    }
  },
)

test('radius 0 returns the image bit for bit', () => {
  const { data } = randomImages([3, 6, 6], 'itself')
  const filtered = onHost({ band: 'high', radius: 0 }, [3, 6, 6], data)
  expect(filtered).toEqual(Float64Array.from(data))
})
