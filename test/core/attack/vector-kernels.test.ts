/** Vector kernels: bit for bit the same as loops in JavaScript. */
import { describe, expect, test } from 'vitest'
import { kernels, terms } from '../../../core/attack/vector-kernels.ts'
import { randomStream } from '../../../core/base/random.ts'
import { vectorLoop } from '../../../core/engine/tensor/vector-loop.ts'

const size = 37
const stream = randomStream(3, 'vector kernels')
const draw64 = (): Float64Array =>
  Float64Array.from({ length: size }, () => stream.normal() * 10 ** (stream.integer(7) - 3))
const draw32 = (): Float32Array => Float32Array.from(draw64())
const origin = draw32()
const other = draw32()

describe.each([
  ['float32', draw32()],
  ['float64', draw64()],
] as const)('a direction in %s', (_, direction) => {
  test('addScaled', () => {
    const output = new Float64Array(size)
    kernels.addScaled(origin, 0.3, direction, output)
    expect(output).toEqual(Float64Array.from(origin, (x, i) => x + 0.3 * direction[i]!))
  })

  test('addSigns', () => {
    const signed = direction.with(5, 0)
    const output = new Float64Array(size)
    kernels.addSigns(origin, -0.25, signed, output)
    expect(output).toEqual(Float64Array.from(origin, (x, i) => x - 0.25 * Math.sign(signed[i]!)))
    expect(output[5]).toBe(origin[5])
  })

  test('squaredNorm', () => {
    let expected = 0
    for (const d of direction) expected += d * d
    // The order of the sum differs.
    expect(kernels.squaredNorm(direction) / expected).toBeCloseTo(1, 12)
  })
})

test('accumulate', () => {
  const velocity = draw64()
  const expected = velocity.map((value, i) => 0.9 * value + 0.1 * other[i]!)
  kernels.accumulate(velocity, 0.9, 0.1, other)
  expect(velocity).toEqual(expected)
})

test('interpolate writes either type, also in place', () => {
  const exact = Float64Array.from(origin, (x, i) => x + 0.9 * (other[i]! - x))
  const output = new Float64Array(size)
  kernels.interpolate(origin, other, 0.9, output)
  expect(output).toEqual(exact)
  const point = other.slice()
  kernels.interpolate(origin, point, 0.9, point)
  expect(point).toEqual(Float32Array.from(exact))
})

test('rescale', () => {
  const point = draw64()
  const expected = point.map((value, i) => origin[i]! + 0.4 * (value - origin[i]!))
  kernels.rescale(origin, 0.4, point)
  expect(point).toEqual(expected)
})

test('dotDifference', () => {
  const normal = draw32()
  const expected = normal.reduce((sum, w, i) => sum + w * (other[i]! - origin[i]!), 0)
  const scale = normal.reduce((sum, w, i) => sum + Math.abs(w * (other[i]! - origin[i]!)), 0)
  const difference = kernels.dotDifference(normal, origin, other) - expected
  // The order of the sum differs.
  expect(Math.abs(difference)).toBeLessThan(1e-13 * scale)
})

test('clipToBounds rounds the bounds inward', () => {
  const bounds = [0.1, 0.7] as const
  const output = new Float32Array(4)
  kernels.clipToBounds(Float64Array.of(-1, 0.5, 0.1, 9), bounds, output)
  // In float32, 0.1 rounds to the nearest value above, and 0.7 to the nearest below.
  expect([...output]).toEqual([Math.fround(0.1), 0.5, Math.fround(0.1), Math.fround(0.7)])
  expect(output[0]).toBeGreaterThanOrEqual(0.1)
  expect(output[3]).toBeLessThanOrEqual(0.7)
})

test('terms compute their formulas', () => {
  const loop = vectorLoop({
    arrays: {
      a: 'float32',
      b: 'float32',
      along: 'float64',
      between: 'float64',
      clipped: 'float64',
    },
    scalars: ['low', 'high'],
    body: ({ a, b, low, high }) => ({
      writes: {
        along: terms.along(a, 0.3, b),
        between: terms.between(a, 0.3, b),
        clipped: terms.clipped(terms.along(a, 0.3, b), low, high),
      },
      sums: { squares: terms.squared(a), differences: terms.squaredDifference(a, b) },
    }),
  })
  const [a, b] = [Float32Array.of(0.5, -2, 3), Float32Array.of(1, 4, 0.25)]
  const outputs = {
    along: new Float64Array(3),
    between: new Float64Array(3),
    clipped: new Float64Array(3),
  }
  const sums = loop.run({ a, b, ...outputs }, { low: -0.75, high: 1 })
  expect(sums).toEqual({ squares: 13.25, differences: 0.25 + 36 + 7.5625 })
  expect(outputs).toEqual({
    along: Float64Array.from(a, (x, i) => x + 0.3 * b[i]!),
    between: Float64Array.from(a, (x, i) => x + 0.3 * (b[i]! - x)),
    clipped: Float64Array.of(Math.fround(0.5 + 0.3), -0.75, 1),
  })
})
