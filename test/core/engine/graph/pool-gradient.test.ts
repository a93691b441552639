/** The gradient of MaxPool goes to the first maximum of each window, in every layout. */
import { expect, test } from 'vitest'
import { gradient } from '../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../core/engine/graph/graph.ts'
import { isBlocked } from '../../../../core/engine/graph/ops/blocked.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import type { Value } from '../../../../core/engine/graph/value.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { float32, type FloatTensor } from '../../../../core/engine/tensor/tensor.ts'

const channels = 16
const [rows, columns] = [4, 6]
const shape = [3, channels, rows, columns]

/** x itself, as the output of a convolution, so that it is in the blocked layout. */
function copied(x: Value): Value {
  const identity = Array.from({ length: channels ** 2 }, (_, i) =>
    i % (channels + 1) === 0 ? 1 : 0,
  )
  return g.conv(x, g.floats([channels, channels, 1, 1], identity), null)
}

/** Integers from low to high: most windows have several maxima. */
function integers(name: string, [low, high]: readonly [number, number], size: readonly number[]) {
  const random = randomStream(name)
  const count = size.reduce((product, length) => product * length, 1)
  const draw = (): number => low + Math.floor(random.uniform() * (high - low + 1))
  return float32(size, Float32Array.from({ length: count }, draw))
}

/** The gradient dy of each window at its first maximum; none at 0 for a ReLU before it. */
function expected(x: FloatTensor, dy: FloatTensor, rectified: boolean): Float32Array {
  const result = new Float32Array(x.data.length)
  for (let image = 0; image < 3 * channels; image++) {
    for (let i = 0; i < rows / 2; i++) {
      for (let j = 0; j < columns / 2; j++) {
        const window = [0, 1, 2, 3].map(
          (k) => (image * rows + 2 * i + (k >> 1)) * columns + 2 * j + (k & 1),
        )
        const largest = Math.max(...window.map((at) => x.data[at]!))
        const at = window.find((place) => x.data[place] === largest)!
        const flowing = dy.data[(image * (rows / 2) + i) * (columns / 2) + j]!
        if (!rectified || largest > 0) result[at] = flowing
      }
    }
  }
  return result
}

test.each([
  ['of a convolution', false, [-2, 1]],
  ['of a ReLU', true, [-2, 1]],
  ['of equal numbers', false, [1, 1]],
] as const)('2×2 maxima %s', async (_, rectified, range) => {
  const image = g.input('x', 'float32', ['n', channels, rows, columns])
  const flowing = g.input('dy', 'float32', ['n', channels, rows / 2, columns / 2])
  const source = rectified ? g.relu(copied(image)) : copied(image)
  expect(isBlocked(source)).toBe(true)
  const pooled = g.op('MaxPool', [source], { kernel_shape: [2, 2], strides: [2, 2] })[0]!
  const [dx] = gradient(pooled, [image], { upstream: flowing })
  const x = integers('x', range, shape)
  const dy = integers('dy', [-9, 9], [3, channels, rows / 2, columns / 2])
  const session = await Session.compile({ dx: dx! }, [image, flowing])
  const results = await session.run({ x, dy })
  const numbers = Array.from(results['dx']!.data as Float32Array, (value) => value + 0)
  expect(numbers).toEqual(Array.from(expected(x, dy, rectified), (value) => value + 0))
  await session.release()
})

test('the second derivative gathers at the maxima', async () => {
  const image = g.input('x', 'float32', ['n', channels, rows, columns])
  const weights = g.input('w', 'float32', ['n', channels, rows, columns])
  const pooled = g.op('MaxPool', [copied(image)], { kernel_shape: [2, 2], strides: [2, 2] })[0]!
  // Of Σ y³/3: y² at the maxima. Its product with w has the derivative 2·y·w there.
  const [first] = gradient(g.mul(g.mul(pooled, pooled), pooled), [image])
  const [second] = gradient(g.mul(first!, weights), [image])
  const x = integers('x', [-2, 1], shape)
  const w = integers('w', [-3, 3], shape)
  const session = await Session.compile({ second: second! }, [image, weights])
  const results = await session.run({ x, w })
  const ones = float32([3, channels, 2, 3], new Float32Array(3 * channels * 6).fill(1))
  const first01 = expected(x, ones, false)
  const wanted = Array.from(first01, (isFirst, i) => isFirst * 6 * x.data[i]! * w.data[i]! + 0)
  const numbers = Array.from(results['second']!.data as Float32Array, (value) => value + 0)
  expect(numbers).toEqual(wanted)
  await session.release()
})
