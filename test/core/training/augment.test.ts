/** Crops and flips are exact, and each image has its own random stream. */
import { expect, test } from 'vitest'
import { augment } from '../../../core/training/augment.ts'
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
