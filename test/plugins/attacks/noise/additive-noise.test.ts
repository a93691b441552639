/** Additive noise: the distribution of its points, and when it stops. */
import { describe, expect, test } from 'vitest'
import { drawExtreme } from '../../../../plugins/attacks/noise/random-noise.ts'
import { runAttack } from '../../../../core/plugin/host.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { createBall } from '../../../../core/threat/ball.ts'
import { convexNorms } from '../../../support/norms.ts'
import type { Norm } from '../../../../core/threat/threat-model.ts'
import { distance } from '../../../../core/threat/verify.ts'
import { additiveNoise } from '../../../../plugins/attacks/noise/additive-noise.ts'
import { linearCase, withOptions } from '../../../support/attack-request.ts'

const epsilon = 0.125

function draw(norm: Norm, seed: number): Float64Array {
  const ball = createBall({ norm, epsilon, bounds: [0, 1] }, new Float32Array(200).fill(0.5))
  const output = new Float64Array(200)
  drawExtreme(ball, randomStream(seed, 'noise'), output)
  return output.map((value) => value - 0.5)
}

describe('extreme noise', () => {
  test.each(convexNorms)('%s: has length ε', (norm) => {
    const length = distance(norm, new Float64Array(200), draw(norm, 1))
    expect(length).toBeCloseTo(epsilon, 12)
  })

  test('Linf: is ±ε in every component, with both signs equally often', () => {
    const signs = Array.from({ length: 20 }, (_, seed) => [...draw('Linf', seed)]).flat()
    expect(new Set(signs)).toEqual(new Set([epsilon, -epsilon]))
    // 2000 of 4000 expected; four standard deviations are 126.
    expect(Math.abs(signs.filter((sign) => sign > 0).length - 2000)).toBeLessThan(126)
  })

  test.each(['L2', 'L1'] as const)('%s: prefers no direction', (norm) => {
    const mean = new Float64Array(200)
    for (let seed = 0; seed < 100; seed++) draw(norm, seed).forEach((d, i) => (mean[i]! += d / 100))
    // The mean of 100 independent directions is about a tenth as long.
    expect(distance(norm, new Float64Array(200), mean)).toBeLessThan(0.2 * epsilon)
  })
})

const threatModel = { norm: 'Linf', epsilon: 0.06, bounds: [0, 1] } as const

test('an example finishes as soon as a draw fools the model', async () => {
  const { request } = await linearCase({ classes: 5, count: 100, size: 8 }, { threatModel })
  const passes: number[] = []
  const outcomes: string[] = []
  for (const repeats of [1, 4, 16]) {
    const result = await runAttack({ ...request, ...withOptions(additiveNoise, { repeats }) })
    passes.push(result.forwardPasses)
    outcomes.push(result.outcomes)
  }
  const robust = outcomes.map((text) => text.split('r').length - 1)
  expect(robust[0]).toBeGreaterThan(robust[1]!)
  expect(robust[1]).toBeGreaterThan(robust[2]!)
  expect(passes[0]).toBe(100)
  expect(passes[1]).toBeLessThan(400)
  expect(passes[2]).toBeGreaterThanOrEqual(100 + 15 * robust[2]!)
  // More draws break every example that fewer draws break.
  expect([...outcomes[0]!].every((o, row) => o === 'r' || outcomes[2]![row] === 'b')).toBe(true)
})
