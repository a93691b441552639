/** Shrinking and padding: a linear map, its transpose, and its effect on pixels. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  drawPlacement,
  inputDiversity,
  shrinkAndPad,
  shrinkAndPadTransposed,
} from '../../../../plugins/attacks/gradient/input-diversity.ts'
import type { ImageShape } from '../../../../plugins/attacks/gradient/input-diversity.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { sizeOf } from '../../../../core/engine/tensor/tensor.ts'

const shapes = fc.tuple(
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 1, max: 9 }),
  fc.integer({ min: 1, max: 9 }),
)
const cases = fc.record({
  shape: shapes,
  rate: fc.double({ min: 0.1, max: 1, noNaN: true }),
  seed: fc.nat(1000),
})

function drawn(shape: ImageShape, rate: number, seed: number) {
  const stream = randomStream(seed, 'input diversity')
  const image = (): Float32Array =>
    Float32Array.from({ length: sizeOf(shape) }, () => stream.normal())
  return { placement: drawPlacement(shape, rate, stream), x: image(), y: image() }
}

/** Products of two float32 numbers are exact in float64; only their sum is rounded. */
function inner(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}

test('⟨Tx, y⟩ = ⟨x, Tʹy⟩', () => {
  fc.assert(
    fc.property(cases, ({ shape, rate, seed }) => {
      const { placement, x, y } = drawn(shape, rate, seed)
      const forward = inner(shrinkAndPad(shape, placement, x), y)
      const backward = inner(x, shrinkAndPadTransposed(shape, placement, y))
      expect(Math.abs(forward - backward)).toBeLessThan(1e-12 * (1 + sizeOf(shape)))
    }),
  )
})

test('a placement lies within the image and has at least the minimum height', () => {
  fc.assert(
    fc.property(cases, ({ shape, rate, seed }) => {
      const { height, width, top, left } = drawn(shape, rate, seed).placement
      expect(height).toBeGreaterThanOrEqual(rate * shape[1])
      expect(width).toBeGreaterThanOrEqual(1)
      expect(Math.min(top, left)).toBeGreaterThanOrEqual(0)
      expect(top + height).toBeLessThanOrEqual(shape[1])
      expect(left + width).toBeLessThanOrEqual(shape[2])
    }),
  )
})

test('half the size samples every second pixel, and pads with zeros', () => {
  const image = Float32Array.from({ length: 16 }, (_, i) => i + 1)
  const placement = { height: 2, width: 2, top: 1, left: 2 }
  expect([...shrinkAndPad([1, 4, 4], placement, image)]).toEqual(
    [
      [0, 0, 0, 0],
      [0, 0, 6, 8],
      [0, 0, 14, 16],
      [0, 0, 0, 0],
    ].flat(),
  )
})

test('the full size changes nothing', () => {
  const { x } = drawn([3, 5, 4], 1, 0)
  expect(shrinkAndPad([3, 5, 4], { height: 5, width: 4, top: 0, left: 0 }, x)).toEqual(x)
})

describe('as gradient points', () => {
  const shape = [1, 8, 8] as const
  const point = drawn(shape, 1, 0).x
  const draw = (probability: number, seed: number) => {
    const gradientPoints = inputDiversity({ shape, probability, resizeRate: 0.5 })
    const stream = randomStream(seed, 'probes')
    return gradientPoints.around({ point, velocity: new Float64Array(0), length: 1, stream })[0]!
  }

  test('images are transformed with the given probability', () => {
    const transformed = Array.from({ length: 400 }, (_, seed) => draw(0.3, seed)).filter(
      (made) => made.point !== point,
    )
    // 120 expected; four standard deviations of the binomial distribution are 37.
    expect(Math.abs(transformed.length - 120)).toBeLessThan(37)
  })

  test('an image that is not transformed passes its gradient through', () => {
    const made = draw(0, 1)
    expect(made.point).toEqual(point)
    expect(made.pullBack(point)).toEqual(point)
  })
})
