/** The median filter: its network of comparisons against sorting, in every window. */
import { describe, expect, test } from 'vitest'
import { float32 } from '../../../../core/engine/tensor/tensor.ts'
import { median } from '../../../../plugins/defenses/median/median.ts'
import { mirrorFile, prepareDefense, runFile } from '../../../support/defense-context.ts'
import { randomTensor } from '../../../support/onnx-file.ts'

const shape = [2, 5, 7] as const

/** The rank ⌊k²/2⌋ of the sorted window around each pixel; margins mirror, the edge included. */
function sortedMedian(pixels: Float32Array, window: number): Float32Array {
  const [channels, height, width] = shape
  const mirror = (at: number, size: number): number =>
    at < 0 ? -1 - at : at >= size ? 2 * size - 1 - at : at
  const before = Math.floor(window / 2)
  return Float32Array.from({ length: channels * height * width }, (_, at) => {
    const c = Math.floor(at / (height * width))
    const y = Math.floor(at / width) % height
    const x = at % width
    const values: number[] = []
    for (let i = 0; i < window; i++) {
      for (let j = 0; j < window; j++) {
        const row = mirror(y + i - before, height)
        values.push(pixels[(c * height + row) * width + mirror(x + j - before, width)]!)
      }
    }
    return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
  })
}

describe.each([2, 3, 5])('a window of %i', (window) => {
  test('gives exactly the sorted median, in onnxruntime', async () => {
    const { model } = await prepareDefense(
      median,
      { base: 'base.onnx', window },
      { shape, base: mirrorFile(shape) },
    )
    const images = randomTensor([3, ...shape], 'pixels')
    images.data.forEach((value, i) => (images.data[i] = 0.5 + value / 2))
    const { data } = await runFile(model, images)
    for (let row = 0; row < 3; row++) {
      const own = images.data.subarray(row * 70, (row + 1) * 70)
      expect(data.subarray(row * 70, (row + 1) * 70)).toEqual(sortedMedian(own, window))
    }
  })
})

test('side 2 agrees with scipy.ndimage.median_filter(x, size=2)', async () => {
  const small = [1, 2, 3] as const
  const { model } = await prepareDefense(
    median,
    { base: 'base.onnx', window: 2 },
    { shape: small, base: mirrorFile(small) },
  )
  const { data } = await runFile(model, float32([1, ...small], [0.1, 0.9, 0.4, 0.7, 0.2, 0.6]))
  // SciPy 1.17.1.
  expect(data).toEqual(Float32Array.of(0.1, 0.9, 0.9, 0.7, 0.7, 0.6))
})
