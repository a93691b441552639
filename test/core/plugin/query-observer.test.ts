/** The observer assigns each misclassified point to the right example. */
import { describe, expect, test } from 'vitest'
import { observeQueries } from '../../../core/plugin/query-observer.ts'
import { randomStream } from '../../../core/base/random.ts'
import { float32, gatherRows } from '../../../core/engine/tensor/tensor.ts'
import { norms } from '../../../core/threat/threat-model.ts'
import { convexNorms } from '../../support/norms.ts'

/** Two examples of four components, far apart, with classes 0 and 1. */
const inputs = float32([2, 1, 2, 2], [0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9])
const labels = Int32Array.of(0, 1)
const bounds = [0, 1] as const

const logitsFor = (...predicted: readonly number[]) =>
  float32(
    [predicted.length, 2],
    predicted.flatMap((label) => (label === 0 ? [1, 0] : [0, 1])),
  )

describe.each(convexNorms)('in %s', (norm) => {
  const threatModel = { norm, epsilon: 0.2, bounds }

  test('a misclassified point within the ball counts for its example', () => {
    const observer = observeQueries(inputs, labels, threatModel)
    observer.observe(float32([1, 1, 2, 2], [0.9, 0.8, 0.9, 0.9]), logitsFor(0))
    expect([...observer.seenBroken]).toEqual([0, 1])
  })

  test('a point that is classified correctly or outside the ball or bounds does not count', () => {
    const observer = observeQueries(inputs, labels, threatModel)
    const points = [
      [0.1, 0.2, 0.1, 0.1],
      [0.1, 0.35, 0.1, 0.1],
      [-0.05, 0.1, 0.1, 0.1],
    ]
    observer.observe(float32([3, 1, 2, 2], points.flat()), logitsFor(0, 1, 1))
    expect([...observer.seenBroken]).toEqual([0, 0])
  })

  test('a point in the balls of two examples counts for neither', () => {
    const twins = float32([2, 1, 2, 2], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.55])
    const observer = observeQueries(twins, labels, threatModel)
    observer.observe(float32([1, 1, 2, 2], [0.5, 0.5, 0.5, 0.52]), logitsFor(1))
    expect([...observer.seenBroken]).toEqual([0, 0])
  })
})

test('in L0 the pixels that differ decide, however much they differ', () => {
  const stream = randomStream('query observer in L0')
  const pixels = Float32Array.from({ length: 2 * 3 * 64 }, () => stream.uniform())
  const images = float32([2, 3, 8, 8], pixels)
  const threatModel = { norm: 'L0', epsilon: 2, bounds, channels: 3 } as const
  const changed = (count: number): Float32Array => {
    const point = pixels.slice(192)
    for (let pixel = 0; pixel < count; pixel++) point[pixel] = point[64 + pixel] = 1
    return point
  }
  for (const [count, expected] of [
    [2, [0, 1]],
    [3, [0, 0]],
  ] as const) {
    const observer = observeQueries(images, labels, threatModel)
    observer.observe(float32([1, 3, 8, 8], changed(count)), logitsFor(0))
    expect([...observer.seenBroken]).toEqual(expected)
  }
})

test.each(norms)('in %s each example is recognized at any position of a batch', (norm) => {
  const [count, size] = [40, 100]
  const stream = randomStream('query observer test')
  const pixels = Float32Array.from({ length: count * size }, () => stream.uniform())
  const all = float32([count, 1, 10, 10], pixels)
  const zeros = new Int32Array(count)
  const observer = observeQueries(all, zeros, { norm, epsilon: 0.01, bounds })
  const order = stream.permutation(count)
  const half = count / 2
  // First correct, at positions that shift; then each misclassified once.
  for (const [start, predicted] of [
    [0, 0],
    [3, 0],
    [half, 1],
    [0, 1],
  ] as const) {
    const rows = order.slice(start, start + half)
    observer.observe(gatherRows(all, rows), logitsFor(...Array.from(rows, () => predicted)))
  }
  expect([...observer.seenBroken]).toEqual(Array.from(zeros, () => 1))
})
