/** Noise of each kind stays in the ball, is a function of its draw only, and raises the loss. */
import { describe, expect, test } from 'vitest'
import {
  ascendLatent,
  basisNoise,
  freeNoise,
  latentLimit,
} from '../../../../plugins/attacks/semantic/perturbation-source.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { createBall } from '../../../../core/threat/ball.ts'
import type { Ball } from '../../../../core/threat/ball.ts'
import { distance } from '../../../../core/threat/verify.ts'

const shape = [3, 12, 9] as const
const size = 324
const gray = (norm: 'Linf' | 'L2', level = 0.5): Ball =>
  createBall({ norm, epsilon: 0.1, bounds: [0, 1] }, new Float32Array(size).fill(level))

const sources = {
  free: () => freeNoise(size, 0.02),
  basis: () => basisNoise({ shape, dimensions: 8, latentStep: 0.3 }),
}

describe.each(Object.entries(sources))('%s noise', (name, source) => {
  test.each(['Linf', 'L2'] as const)('starts and stays in the %s ball', async (norm) => {
    const ball = gray(norm)
    const noise = source().open(0)
    const output = new Float64Array(size)
    const point = new Float32Array(size)
    noise.begin(ball, randomStream(norm))
    const gradient = Float32Array.from(output, (_, i) => Math.sin(i))
    for (let step = 0; step < 5; step++) {
      await noise.addTo(ball, output)
      ball.project(output, point)
      expect(distance(norm, ball.center, point)).toBeLessThanOrEqual(0.1)
      expect(distance(norm, ball.center, point)).toBeGreaterThan(0.05)
      await noise.ascend({ ball, point, gradient })
    }
  })

  test('the same draw gives the same noise for any image', async () => {
    const [first, second] = [new Float64Array(size), new Float64Array(size)]
    for (const [output, level] of [
      [first, 0.5],
      [second, 0.25],
    ] as const) {
      const noise = source().open(0)
      noise.begin(gray('Linf', level), randomStream('z'))
      await noise.addTo(gray('Linf', level), output)
      for (let i = 0; i < size; i++) output[i]! -= level
    }
    expect(second).toBeAllclose(first, { rtol: 0, atol: 1e-15 })
  })

  test('steps raise a linear loss', async () => {
    const ball = gray('Linf')
    const noise = source().open(0)
    const gradient = Float32Array.from({ length: size }, (_, i) => Math.cos(i / 40))
    const output = new Float64Array(size)
    const point = new Float32Array(size)
    noise.begin(ball, randomStream('climb'))
    const losses: number[] = []
    const lossOf = (x: Float32Array): number =>
      x.reduce((sum, value, i) => sum + value * gradient[i]!, 0)
    let start: Float32Array | undefined
    for (let step = 0; step < 8; step++) {
      await noise.addTo(ball, output)
      ball.project(output, point)
      start ??= point.slice()
      losses.push(lossOf(point))
      await noise.ascend({ ball, point, gradient })
    }
    // Free noise moves by 7 steps of 0.02 along the signs, up to the surface of the ball.
    const ends = start!.map((value, i) => {
      const moved = value + 0.14 * Math.sign(gradient[i]!)
      return Math.min(Math.max(moved, 0.4), 0.6)
    })
    if (name === 'free') expect(losses.at(-1)).toBeCloseTo(lossOf(ends), 4)
    else expect(losses.at(-1)).toBeGreaterThan(losses[0]! + 7)
  })
})

test('the basis images are smooth', async () => {
  const ball = gray('Linf')
  const output = new Float64Array(size)
  const wide = basisNoise({ shape: [1, 18, 18], dimensions: 8, latentStep: 0.3 }).open(0)
  wide.begin(ball, randomStream('smooth'))
  await wide.addTo(ball, output)
  // In independent noise, the mean squared difference of neighbors is twice the mean square.
  let squares = 0
  let differences = 0
  for (let i = 0; i + 1 < size; i++) {
    squares += (output[i]! - 0.5) ** 2
    if (i % 18 < 17) differences += (output[i + 1]! - output[i]!) ** 2
  }
  expect(differences).toBeLessThan(0.5 * squares)
})

test('the latent variable is clipped to its limit and does not move at slope zero', () => {
  const z = Float64Array.of(2.9, -2.9, 1)
  ascendLatent(z, [1, -1, 0], 0.3)
  expect([...z]).toEqual([latentLimit, -latentLimit, 1])
})
