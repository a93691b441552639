/** L0 balls: projections and distances count pixels, whatever their channels. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createBall } from '../../../core/threat/ball.ts'
import { onShape } from '../../../core/threat/threat-model.ts'
import type { ThreatModel } from '../../../core/threat/threat-model.ts'
import { distance, verifyInside } from '../../../core/threat/verify.ts'

const pixels = 5
const channels = 2
const inBounds = fc.float({ min: 0, max: 1, noNaN: true })
const anywhere = fc.double({ min: -2, max: 3, noNaN: true })
const size = pixels * channels
const points = fc.record({
  center: fc.array(inBounds, { minLength: size, maxLength: size }),
  point: fc.array(anywhere, { minLength: size, maxLength: size }),
  epsilon: fc.integer({ min: 1, max: pixels + 1 }),
})

function threat(epsilon: number): ThreatModel {
  return { norm: 'L0', epsilon, bounds: [0, 1], channels }
}

describe('the projection', () => {
  test('is the nearest of all points that change the pixels of any subset', () => {
    fc.assert(
      fc.property(points, ({ center, point, epsilon }) => {
        const from = Float32Array.from(center)
        const output = new Float32Array(size)
        createBall(threat(epsilon), from).project(Float64Array.from(point), output)
        expect(verifyInside(threat(epsilon), from, output)).toBeUndefined()
        const away = (other: ArrayLike<number>): number => distance('L2', other, point)
        let nearest = Infinity
        for (let subset = 0; subset < 2 ** pixels; subset++) {
          const chosen = (i: number): boolean => ((subset >> (i % pixels)) & 1) === 1
          if ([...Array(pixels).keys()].filter(chosen).length > epsilon) continue
          const other = from.map((x, i) => (chosen(i) ? Math.min(1, Math.max(0, point[i]!)) : x))
          nearest = Math.min(nearest, away(other))
        }
        // Both are rounded to float32.
        expect(away(output)).toBeLessThanOrEqual(nearest + 1e-6)
      }),
    )
  })

  test('of a point of the ball is that point', () => {
    const center = Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
    const point = Float64Array.from(center)
    point[1] = 0.75
    point[6] = 0.25
    const output = new Float32Array(size)
    createBall(threat(1), center).project(point, output)
    expect([...output]).toEqual([...point].map(Math.fround))
  })
})

describe('the distance', () => {
  test('is the number of pixels that differ in any channel', () => {
    const center = new Float32Array(6)
    // Pixels 0, 1, 2 in two channels: pixel 0 changes in both, pixel 2 in the second.
    const point = Float32Array.of(0.1, 0, 0, 0.2, 0, 1e-30)
    expect(distance('L0', center, point, 2)).toBe(2)
    expect(distance('L0', center, point)).toBe(3)
  })

  test('is verified exactly', () => {
    const center = new Float32Array(size)
    const point = center.map((_, i) => (i < 3 ? 0.5 : 0))
    expect(verifyInside(threat(3), center, point)).toBeUndefined()
    expect(verifyInside(threat(2), center, point)).toEqual({
      kind: 'outside-ball',
      norm: 'L0',
      distance: 3,
      epsilon: 2,
      excess: 1,
    })
  })
})

test('a pixel has the channels of an image, and one component of a vector', () => {
  const plain: ThreatModel = { norm: 'L0', epsilon: 2, bounds: [0, 1] }
  expect(onShape(plain, [8, 3, 4, 4])).toEqual({ ...plain, channels: 3 })
  expect(onShape(plain, [8, 48])).toEqual({ ...plain, channels: 1 })
  const linf = { ...plain, norm: 'Linf' } as const
  expect(onShape(linf, [8, 3, 4, 4])).toBe(linf)
})
