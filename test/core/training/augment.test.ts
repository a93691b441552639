/** Crops and flips are exact, and each image has its own random stream. */
import { describe, expect, test } from 'vitest'
import { augment, cutout, mixup } from '../../../core/training/augment.ts'
import { randomStream, type RandomStream } from '../../../core/base/random.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'

/** A stream that draws the given whole numbers. */
function drawing(...numbers: number[]): RandomStream {
  let next = 0
  return { integer: () => numbers[next++]! } as unknown as RandomStream
}

const image = [1, 2, 3, 4, 5, 6, 7, 8, 9]

test.each([
  ['stays where it is', [1, 1, 0], image],
  ['moves up, zeros below', [2, 1, 0], [4, 5, 6, 7, 8, 9, 0, 0, 0]],
  ['moves down and right, zeros above and left', [0, 0, 0], [0, 0, 0, 0, 1, 2, 0, 4, 5]],
  ['is mirrored', [1, 1, 1], [3, 2, 1, 6, 5, 4, 9, 8, 7]],
  ['is cropped, then mirrored', [1, 2, 1], [0, 3, 2, 0, 6, 5, 0, 9, 8]],
])('an image %s', (_, numbers, expected) => {
  const images = float32([1, 1, 3, 3], image)
  augment(images, { crop: 1, flip: true }, () => drawing(...numbers))
  expect([...images.data]).toEqual(expected)
})

test('all channels of an image change in the same way, and images independently', () => {
  const images = float32([2, 2, 1, 2], [1, 2, 3, 4, 5, 6, 7, 8])
  augment(images, { crop: 0, flip: true }, (row) => drawing(row))
  expect([...images.data]).toEqual([1, 2, 3, 4, 6, 5, 8, 7])
})

test('without crop and flip no random numbers are drawn', () => {
  const images = float32([1, 1, 3, 3], image)
  augment(images, { crop: 0, flip: false }, () => {
    throw new Error('drawn')
  })
  expect([...images.data]).toEqual(image)
})

test('the change of an image does not depend on its position in the batch', () => {
  const pixels = Float32Array.from({ length: 4 * 48 }, (_, i) => i)
  const whole = float32([4, 3, 4, 4], pixels.slice())
  augment(whole, { crop: 2, flip: true }, (row) => randomStream('augment', row))
  const last = float32([1, 3, 4, 4], pixels.slice(3 * 48))
  augment(last, { crop: 2, flip: true }, () => randomStream('augment', 3))
  expect(last.data).toEqual(whole.data.slice(3 * 48))
})

describe('cutout', () => {
  test('clears one square of each image in all channels', () => {
    const images = float32([50, 2, 6, 6], new Float32Array(50 * 72).fill(1))
    cutout(images, 3, (row) => randomStream('cutout', row))
    for (let row = 0; row < 50; row++) {
      const image = images.data.subarray(row * 72, row * 72 + 72)
      const [top, bottom] = [image.subarray(0, 36), image.subarray(36)]
      expect(bottom).toEqual(top)
      const cleared = [...top.keys()].filter((at) => top[at] === 0)
      const [xs, ys] = [cleared.map((at) => at % 6), cleared.map((at) => Math.floor(at / 6))]
      const [wide, high] = [xs, ys].map((values) => Math.max(...values) - Math.min(...values) + 1)
      // At the border a part of the square is outside; its center is always inside.
      expect(cleared).toHaveLength(wide! * high!)
      expect([2, 3]).toContain(wide)
      expect([2, 3]).toContain(high)
    }
  })
})

describe('mixup', () => {
  test('mixes each image with its partner by one weight', () => {
    const images = float32([4, 1, 1, 2], [0, 1, 2, 3, 4, 5, 6, 7])
    const { images: mixed, partners, weight } = mixup(images, 0.5, randomStream('mixup'))
    expect([...partners].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3])
    const expected = Array.from({ length: 8 }, (_, i) => {
      const other = 2 * partners[Math.floor(i / 2)]! + (i % 2)
      return weight * i + (1 - weight) * other
    })
    expect(mixed.data).toBeAllclose(expected, { rtol: 1e-6 })
  })

  test.each([0.4, 1, 3])('its weight has the variance of Beta(α, α) with α = %d', (alpha) => {
    const images = float32([1, 1], [1])
    const count = 20_000
    const weights = Array.from(
      { length: count },
      (_, k) => mixup(images, alpha, randomStream('beta', alpha, k)).weight,
    )
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / count
    const variance = weights.reduce((sum, weight) => sum + (weight - mean) ** 2, 0) / count
    const expected = 1 / (4 * (2 * alpha + 1))
    // Five standard errors of the mean; the variance's is smaller than expected/√(count / 2).
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(expected / count))
    expect(Math.abs(variance / expected - 1)).toBeLessThan(5 * Math.sqrt(2 / count))
  })
})
