/** Properties of the lossy part of JPEG that the reference images do not cover. */
import { describe, expect, test } from 'vitest'
import { jpegRoundTrip } from '../../../../../plugins/attacks/corruption/corruptions/jpeg-codec.ts'
import type { Image } from '../../../../../plugins/attacks/corruption/corruptions/image.ts'
import { embeddedPictures, randomPicture } from './pictures.ts'

function largest(a: Image, b: Image): number {
  return Math.max(...a.data.map((value, i) => Math.abs(255 * (value - b.data[i]!))))
}

test('quality 100 changes an image without color by rounding errors only', () => {
  const image = randomPicture(1, 24, 40)
  expect(largest(jpegRoundTrip(image, 100), image)).toBeLessThanOrEqual(1.01)
})

test('a lower quality loses more', () => {
  const [image] = embeddedPictures(1)
  const losses = [95, 80, 65, 50, 20, 5].map((quality) => {
    const { data } = jpegRoundTrip(image!, quality)
    return Math.hypot(...data.map((value, i) => value - image!.data[i]!))
  })
  expect(losses).toEqual(losses.toSorted((a, b) => a - b))
})

test('8 × 8 blocks of a gray image are coded independently', () => {
  const image = randomPicture(1, 16, 16)
  const changed = { ...image, data: image.data.slice() }
  changed.data[0] = 1 - changed.data[0]!
  const [first, second] = [jpegRoundTrip(image, 50), jpegRoundTrip(changed, 50)]
  for (let i = 0; i < 256; i++) {
    const inFirstBlock = i < 128 && i % 16 < 8
    if (!inFirstBlock) expect(second.data[i]).toBe(first.data[i])
  }
})

test('the only coefficient of a gray cosine is rounded to a multiple of its step', () => {
  const cosines = Float64Array.from({ length: 64 }, (_, i) =>
    Math.cos(((2 * (i % 8) + 1) * Math.PI) / 16),
  )
  const wave = (amplitude: number): Image => {
    const data = cosines.map((cosine) => Math.round(128 + amplitude * cosine) / 255)
    return { channels: 1, height: 8, width: 8, data }
  }
  const image = wave(40)
  // The basis vector of norm 1 is the wave divided by 2√8; its step at quality 50 is 11.
  const norm = 2 * Math.sqrt(8)
  const sum = image.data.reduce((total, value, i) => total + (255 * value - 128) * cosines[i]!, 0)
  const restored = (11 * Math.round(sum / norm / 11)) / norm
  expect(largest(jpegRoundTrip(image, 50), wave(restored))).toBeLessThanOrEqual(1.01)
})

test('a constant gray image stays constant and is rounded to a multiple of the first step', () => {
  const data = new Float64Array(256).fill(77 / 255)
  const restored = jpegRoundTrip({ channels: 1, height: 16, width: 16, data }, 50).data
  // Eight times the distance from 128, in steps of 16: −408 becomes −416 (halves away from zero).
  expect(new Set(restored)).toEqual(new Set([76 / 255]))
})

describe('sizes that are not multiples of 16', () => {
  test.each([
    [1, 1],
    [3, 5],
    [28, 28],
    [17, 31],
  ])(
    '%i × %i: a constant color is restored up to the rounding of the conversion',
    (height, width) => {
      const plane = height * width
      const color = [200, 90, 30]
      const data = Float64Array.from(
        { length: 3 * plane },
        (_, i) => color[Math.floor(i / plane)]! / 255,
      )
      const image = { channels: 3, height, width, data }
      // All steps are 1 at quality 100, so only the 8-bit rounding of Y, Cb, and Cr remains.
      expect(largest(jpegRoundTrip(image, 100), image)).toBeLessThanOrEqual(2.01)
    },
  )
})
