/** Images whose bounds or normalization cannot be meant, and images that are accepted. */
import { describe, expect, test } from 'vitest'
import { labeledArrays } from '../../../core/data/arrays.ts'
import { loadDataset } from '../../../core/data/load.ts'
import { requireRange } from '../../../core/data/stated-range.ts'

const quickstart = await loadDataset({ id: 'quickstart' }, { split: 'test' })
const count = 20
const images = quickstart.rows(Int32Array.from({ length: count }, (_, row) => row))
const mean = [0.4914, 0.4822, 0.4465]
const std = [0.2471, 0.2435, 0.2616]

type Change = (value: number, channel: number) => number

/** The doubts about the images, changed, in the bounds. */
function doubts(bounds: readonly [number, number], change: Change = (value) => value) {
  const plane = 32 * 32
  const data = images.data.map((value, i) => change(value, Math.floor(i / plane) % 3))
  return doubtsAbout(data, bounds)
}

function doubtsAbout(data: Float32Array | Uint8Array, bounds: readonly [number, number]) {
  const dtype = data instanceof Uint8Array ? 'uint8' : 'float32'
  const inputs = { path: 'x.npy', dtype, shape: images.shape, data }
  const labels = { path: 'y.npy', dtype: 'int32', shape: [count], data: new Int32Array(count) }
  return labeledArrays(inputs, labels, bounds).doubts
}

describe('images in their bounds raise no doubt', () => {
  test.each<[readonly [number, number], Change]>([
    [[0, 1], (value) => value],
    [[-1, 1], (value) => 2 * value - 1],
    [[0, 255], (value) => 255 * value],
    [[0, 255], (value) => Math.round(255 * value)],
    [[-128, 127], (value) => 255 * value - 128],
    [[-0.5, 0.5], (value) => value - 0.5],
    [[0, 2], (value) => 2 * value],
    // Dark, and without contrast.
    [[0, 1], (value) => value / 10],
    [[-1, 1], (value) => value / 5 - 0.9],
    [[0, 255], (value) => 20 * value],
    [[0, 255], () => 1],
  ])('%j', (bounds, change) => {
    expect(doubts(bounds, change)).toBeUndefined()
  })
})

describe('what is certain to be a mistake is refused', () => {
  test.each<[string, readonly [number, number], Change, string]>([
    [
      'images in [0, 1] with bounds of -1 and 1',
      [-1, 1],
      (value) => value,
      'x.npy: all values are in [0, 1] (0 to 1), but the bounds are [-1, 1]; set --bounds 0,1, or ' +
        'scale the images to [-1, 1]',
    ],
    ['images in [0, 1] with bounds of 0 and 255', [0, 255], (value) => value, '--bounds 0,1'],
    ['dark ones, too', [0, 255], (value) => 0.3 * value, 'all values are in [0, 1] (0 to 0.3)'],
    ['images in [0, 1] with other bounds', [-3, 3], (value) => value, 'the bounds are [-3, 3]'],
    [
      'images in [-1, 1] with wider bounds',
      [-2, 2],
      (value) => 2 * value - 1,
      'all values are in [-1, 1] (-1 to 1)',
    ],
    [
      'images normalized as CIFAR-10 is',
      [-3, 3],
      (value, c) => (Math.round(255 * value) / 255 - mean[c]!) / std[c]!,
      'the images are normalized by mean 0.4914,0.4822,0.4465 and standard deviation ' +
        '0.2471,0.2435,0.2616: ε and bounds would not be in pixels; pass them in [0, 1] with ' +
        '--mean 0.4914,0.4822,0.4465 --std 0.2471,0.2435,0.2616',
    ],
  ])('%s', (_, bounds, change, message) => {
    expect(() => doubts(bounds, change)).toThrow(message)
  })

  test('8-bit images of 0 and 1, which were floats', () => {
    const rounded = Uint8Array.from(images.data, (value) => Math.trunc(value))
    rounded[0] = 1
    expect(() => doubtsAbout(rounded, [0, 1])).toThrow('x.npy: all values are 0 or 1, but 8-bit')
    expect(doubtsAbout(new Uint8Array(rounded.length), [0, 1])).toBeUndefined()
    rounded[1] = 2
    expect(doubtsAbout(rounded, [0, 1])).toBeUndefined()
  })
})

describe('what is likely to be a mistake is named', () => {
  test('images without values in half of the bounds', () => {
    expect(doubts([-1, 1], (value) => 0.1 + 0.8 * value)).toEqual([
      'all values are in [0, 1] (0.1 to 0.9), but the bounds are [-1, 1]; unless no image has ' +
        'other values, set --bounds 0,1, or scale the images to [-1, 1]',
    ])
  })

  test('images that some normalization made', () => {
    const { data } = images
    const average = data.reduce((sum, value) => sum + value, 0) / data.length
    const squares = data.reduce((sum, value) => sum + (value - average) ** 2, 0)
    const deviation = Math.sqrt(squares / data.length)
    const [doubt, ...others] = doubts([-4, 4], (value) => (value - average) / deviation)!
    expect(doubt).toMatch(
      /^the images look normalized \(mean and standard deviation of each channel:/,
    )
    expect(others).toEqual([])
  })
})

test('bounds are two numbers, the lower one first', () => {
  expect(() => requireRange([0, 255], 'bounds')).not.toThrow()
  for (const bounds of [[1, 0], [0], [0, 0], [0, 1, 2], [0, Infinity]]) {
    expect(() => requireRange(bounds, 'bounds')).toThrow(
      `bounds: expected two numbers, the lower one first, such as [0, 255]; got [${bounds.join(', ')}]`,
    )
  }
})
