/** Other readings of images, in any bounds. */
import { expect, test } from 'vitest'
import { inputReadings, mostReadings } from '../../../../core/bench/checks/input-readings.ts'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'

const shape = [3, 4, 4]

test.each([
  [[-1, 1], 'with --mean -1,-1,-1 --std 2,2,2'],
  [[0, 255], 'with --mean 0,0,0 --std 255,255,255'],
] as const)('images in %j are also read as pixels in [0, 1]', ([low, high], hint) => {
  const reading = inputReadings(shape, { bounds: [low, high] }).find((each) => each.hint === hint)
  const pixels = Float32Array.from({ length: 48 }, (_, i) => i / 47)
  const images = float32(
    [1, ...shape],
    pixels.map((value) => low + (high - low) * value),
  )
  expect(reading!.apply(images).data).toBeAllclose(pixels, { rtol: 1e-6, atol: 1e-7 })
})

test('a normalization in use is stated in the units of the images', () => {
  const hints = inputReadings(shape, { bounds: [0, 255] }).map(({ hint }) => hint)
  expect(hints).toContain('with --mean 125.3,123,113.9 --std 63.01,62.09,66.71')
})

test('no reading is what the images are already, and all are counted', () => {
  const hints = inputReadings(shape, { bounds: [0, 1] }).map(({ hint }) => hint)
  expect(hints).not.toContain('with --mean 0,0,0 --std 1,1,1')
  const normalized = { mean: [0.1, 0.1, 0.1], std: [2, 2, 2] }
  for (const bounds of [
    [0, 1],
    [-1, 1],
    [0, 255],
  ] as const) {
    expect(inputReadings(shape, { ...normalized, bounds }).length).toBeLessThanOrEqual(mostReadings)
  }
})
