/** Gradient probes: the look-ahead by hand, and the mean over probes. */
import { describe, expect, test } from 'vitest'
import { stackPoints } from '../../../../core/attack/batch.ts'
import { gradientsAtPoints } from '../../../../plugins/attacks/gradient/gradient-points.ts'
import type { Iterate } from '../../../../plugins/attacks/gradient/gradient-points.ts'
import { lookAhead } from '../../../../plugins/attacks/gradient/look-ahead.ts'
import { randomStream } from '../../../../core/base/random.ts'

function iterate(point: readonly number[], velocity: readonly number[], length: number): Iterate {
  return {
    point: Float32Array.from(point),
    velocity: Float64Array.from(velocity),
    length,
    stream: randomStream(0, 'probe'),
  }
}

describe('the look-ahead', () => {
  const moving = iterate([0.5, 0.5], [0.75, -0.25], 0.1)

  test('in Linf goes along the velocity in units of its mean magnitude', () => {
    const probes = lookAhead({ norm: 'Linf', momentum: 0.5, scaleCopies: 1 })
    const [probe, ...others] = probes.around(moving)
    expect(others).toEqual([])
    expect(probe!.point).toBeAllclose([0.5 + 0.1 * 0.5 * 1.5, 0.5 - 0.1 * 0.5 * 0.5])
  })

  test('in L2 goes along the velocity by a step times the momentum', () => {
    const { point } = lookAhead({ norm: 'L2', momentum: 0.5, scaleCopies: 1 }).around(moving)[0]!
    expect(Math.hypot(point[0]! - 0.5, point[1]! - 0.5)).toBeCloseTo(0.05, 7)
  })

  test('towards a target goes the other way', () => {
    const probes = lookAhead({ norm: 'Linf', momentum: 1, scaleCopies: 1 })
    expect(probes.around({ ...moving, length: -0.1 })[0]!.point[0]).toBeLessThan(0.5)
  })

  test.each(['Linf', 'L2', 'L1'] as const)('%s: without a velocity stays where it is', (norm) => {
    const probes = lookAhead({ norm, momentum: 1, scaleCopies: 1 })
    expect(probes.around(iterate([0.5, 0.25], [0, 0], 0.1))[0]!.point).toEqual(
      Float32Array.of(0.5, 0.25),
    )
  })

  test('copies are halved again and again, and so are the gradients that come back', () => {
    const probes = lookAhead({ norm: 'Linf', momentum: 0, scaleCopies: 3 })
    const made = probes.around(iterate([0.5, 0.25], [], 0.1))
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
  const probes = lookAhead({ norm: 'Linf', momentum: 0, scaleCopies: 2 })
  const sizes: number[] = []
  const gradients = await gradientsAtPoints(
    probes,
    [iterate([0.5, 0.25], [], 1), iterate([1, 0], [], 1)],
    async (points) => {
      sizes.push(points.length)
      return stackPoints(points, [2])
    },
  )
  expect(sizes).toEqual([2, 2])
  expect(gradients.map((gradient) => [...gradient])).toEqual([
    [0.3125, 0.15625],
    [0.625, 0],
  ])
})
