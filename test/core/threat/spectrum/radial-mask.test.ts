/** Radial masks: number of bins, symmetry, shapes, and limits. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { radialMask } from '../../../../core/threat/spectrum/radial-mask.ts'
import type { RadialBand } from '../../../../core/threat/spectrum/radial-mask.ts'

/** Bins below the radius on 28×28, 32×32 and 64×64. */
const lowBins = [
  [2, 9, 9, 9],
  [4, 45, 45, 45],
  [6, 109, 109, 109],
  [8, 193, 193, 193],
  [10, 305, 305, 305],
  [12, 437, 437, 437],
  [14, 609, 609, 609],
  [16, 719, 793, 793],
] as const

test.each(lowBins)('radius %i removes the number of bins counted by hand', (radius, ...counts) => {
  const removed = [28, 32, 64].map(
    (side) => radialMask({ band: 'high', radius }, side, side).filter((m) => m === 0).length,
  )
  expect(removed).toEqual(counts)
})

const bands = fc
  .record({
    mask: fc.constantFrom('ideal' as const, 'gaussian' as const, 'butterworth' as const),
    order: fc.integer({ min: 1, max: 4 }),
    band: fc.constantFrom('high' as const, 'low' as const, 'band' as const),
    radius: fc.double({ min: 0, max: 9, noNaN: true }),
    width: fc.double({ min: 0.5, max: 9, noNaN: true }),
  })
  .map(({ width, ...band }): RadialBand => ({
    ...band,
    ...(band.band === 'band' && { outerRadius: band.radius + width }),
  }))
const sides = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }))

test('every mask is symmetric and between 0 and 1', () => {
  fc.assert(
    fc.property(bands, sides, (band, [height, width]) => {
      const mask = radialMask(band, height, width)
      mask.forEach((value, at) => {
        const [u, v] = [Math.floor(at / width), at % width]
        const negative = ((height - u) % height) * width + ((width - v) % width)
        expect(value).toBe(mask[negative])
        expect(value).toBeGreaterThanOrEqual(0)
        expect(value).toBeLessThanOrEqual(1)
      })
    }),
  )
})

test('a low-pass is the complement of its high-pass', () => {
  fc.assert(
    fc.property(bands, sides, ({ mask, order, radius }, [height, width]) => {
      const of = (band: 'high' | 'low') =>
        radialMask({ mask: mask!, order: order!, radius, band }, height, width)
      const low = of('low')
      expect(of('high').map((value, k) => value + low[k]!)).toBeAllclose(
        new Float64Array(height * width).fill(1),
      )
    }),
  )
})

describe('the shapes', () => {
  // One row: distances 0, 1, 2, 3, 2, 1.
  const row = (band: RadialBand): Float64Array => radialMask(band, 1, 6)

  test('follow their formulas', () => {
    expect(row({ band: 'high', radius: 2 })).toBeAllclose([0, 0, 1, 1, 1, 0])
    const gaussian = [0, 1, 2, 3, 2, 1].map((d) => 1 - Math.exp(-(d ** 2) / 8))
    expect(row({ band: 'high', radius: 2, mask: 'gaussian' })).toBeAllclose(gaussian)
    const butterworth = [0, 1, 2, 3, 2, 1].map((d) => (d === 0 ? 0 : 1 / (1 + (2 / d) ** 4)))
    expect(row({ band: 'high', radius: 2, mask: 'butterworth' })).toBeAllclose(butterworth)
    const steep = [0, 1, 2, 3, 2, 1].map((d) => (d === 0 ? 0 : 1 / (1 + (2 / d) ** 6)))
    expect(row({ band: 'high', radius: 2, mask: 'butterworth', order: 3 })).toBeAllclose(steep)
  })

  test('of a band include the radius but not the outer radius', () => {
    expect(row({ band: 'band', radius: 1, outerRadius: 3 })).toBeAllclose([0, 1, 1, 0, 1, 1])
  })

  test.each(['ideal', 'gaussian', 'butterworth'] as const)('%s of radius 0 passes all', (mask) => {
    expect(row({ band: 'high', radius: 0, mask })).toBeAllclose([1, 1, 1, 1, 1, 1])
  })

  test('count vertical and horizontal bins equally on a plane that is not square', () => {
    const mask = radialMask({ band: 'low', radius: 1.5 }, 4, 8)
    expect(mask.filter((value) => value === 1)).toHaveLength(9)
  })
})

test.each([
  [{ band: 'band', radius: 3 }, 'expected a radius of at least 0 and an outer radius above it'],
  [{ band: 'band', radius: 3, outerRadius: 3 }, 'got 3 and 3'],
  [{ band: 'high', radius: 3, outerRadius: 4 }, 'and no outer radius, got 3 and 4'],
  [{ band: 'low', radius: -1 }, 'got -1 and none'],
] as const)('invalid radii are rejected: %j', (band, message) => {
  expect(() => radialMask(band, 4, 4)).toThrow(message)
})
