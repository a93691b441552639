/** Gradient points: the look-ahead computed by hand, and the mean over several points. */
import { describe, expect, test } from 'vitest'
import { gradientsAtPoints } from '../../../../plugins/attacks/gradient/gradient-points.ts'
import type { Iterate } from '../../../../plugins/attacks/gradient/gradient-points.ts'
import { lookAhead } from '../../../../plugins/attacks/gradient/look-ahead.ts'
import { randomStream } from '../../../../core/base/random.ts'

function iterate(point: readonly number[], velocity: readonly number[], length: number): Iterate {
  return {
    point: Float32Array.from(point),
    velocity: Float64Array.from(velocity),
    length,
    stream: randomStream(0, 'gradient points'),
  }
}

describe('the look-ahead', () => {
  const moving = iterate([0.5, 0.5], [0.75, -0.25], 0.1)

  test('in Linf follows the velocity in units of its mean magnitude', () => {
    const gradientPoints = lookAhead({ norm: 'Linf', momentum: 0.5, scaleCopies: 1 })
    const [first, ...others] = gradientPoints.around(moving)
    expect(others).toEqual([])
    expect(first!.point).toBeAllclose([0.5 + 0.1 * 0.5 * 1.5, 0.5 - 0.1 * 0.5 * 0.5])
  })

  test('in L2 follows the velocity by the step length times the momentum', () => {
    const { point } = lookAhead({ norm: 'L2', momentum: 0.5, scaleCopies: 1 }).around(moving)[0]!
    expect(Math.hypot(point[0]! - 0.5, point[1]! - 0.5)).toBeCloseTo(0.05, 7)
  })

  test('is reversed toward a target', () => {
    const gradientPoints = lookAhead({ norm: 'Linf', momentum: 1, scaleCopies: 1 })
    const { point } = gradientPoints.around({ ...moving, length: -0.1 })[0]!
    expect(point).toBeAllclose([0.5 - 0.1 * 1.5, 0.5 + 0.1 * 0.5])
  })

  test.each(['Linf', 'L2', 'L1'] as const)('%s: without a velocity equals the iterate', (norm) => {
    const gradientPoints = lookAhead({ norm, momentum: 1, scaleCopies: 1 })
    expect(gradientPoints.around(iterate([0.5, 0.25], [0, 0], 0.1))[0]!.point).toEqual(
      Float32Array.of(0.5, 0.25),
    )
  })

  test('each copy is half of the last one, and so is its pulled-back gradient', () => {
    const gradientPoints = lookAhead({ norm: 'Linf', momentum: 0, scaleCopies: 3 })
    const made = gradientPoints.around(iterate([0.5, 0.25], [], 0.1))
    expect(made.map(({ point }) => [...point])).toEqual([
      [0.5, 0.25],
      [0.25, 0.125],
      [0.125, 0.0625],
    ])
    expect(made.map(({ pullBack }) => [...pullBack(Float32Array.of(4, 8))])).toEqual([
      [4, 8],
      [2, 4],
      [1, 2],
    ])
  })
})

test('the gradient of f(x) = ½|x|² at m scaled copies is x · Σ 4⁻ⁱ / m', async () => {
  const gradientPoints = lookAhead({ norm: 'Linf', momentum: 0, scaleCopies: 2 })
  const sizes: number[] = []
  const gradients = await gradientsAtPoints(
    gradientPoints,
    [iterate([0.5, 0.25], [], 1), iterate([1, 0], [], 1)],
    async (points) => {
      sizes.push(points.length)
      return points
    },
  )
  expect(sizes).toEqual([2, 2])
  expect(gradients.map((gradient) => [...gradient])).toEqual([
    [0.3125, 0.15625],
    [0.625, 0],
  ])
})
