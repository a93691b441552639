/** Random starts are uniform in the ball. */
import { expect, test } from 'vitest'
import { drawStart } from '../../../core/attack/random-start.ts'
import { randomStream } from '../../../core/base/random.ts'
import { createBall } from '../../../core/threat/ball.ts'
import { distance } from '../../../core/threat/verify.ts'
import { convexNorms } from '../../support/norms.ts'

test.each(convexNorms)(
  '%s: draws lie in the ball, and half of them in the inner half of its volume',
  (norm) => {
    const center = Float32Array.of(0.5, 0.5, 0.5)
    const ball = createBall({ norm, epsilon: 0.25, bounds: [0, 1] }, center)
    const output = new Float64Array(3)
    const count = 4000
    let inner = 0
    let above = 0
    for (let example = 0; example < count; example++) {
      drawStart(ball, randomStream(0, example), output)
      const radius = distance(norm, center, output)
      expect(radius).toBeLessThanOrEqual(0.25)
      if (radius < 0.25 * 0.5 ** (1 / 3)) inner += 1
      if (output[1]! > 0.5) above += 1
    }
    // Four standard deviations of a fair coin.
    expect(Math.abs(inner - count / 2)).toBeLessThan(4 * Math.sqrt(count / 4))
    expect(Math.abs(above - count / 2)).toBeLessThan(4 * Math.sqrt(count / 4))
  },
)

test('L0: every pixel is equally likely to change, to any value within the bounds', () => {
  const center = new Float32Array(10)
  const threatModel = { norm: 'L0', epsilon: 2, bounds: [-1, 3], channels: 2 } as const
  const ball = createBall(threatModel, center)
  const output = new Float64Array(10)
  const count = 4000
  const changes = new Float64Array(5)
  let above = 0
  for (let example = 0; example < count; example++) {
    drawStart(ball, randomStream(1, example), output)
    expect(distance('L0', center, output, 2)).toBe(2)
    for (let pixel = 0; pixel < 5; pixel++) if (output[pixel] !== 0) changes[pixel]! += 1
    for (const value of output) if (value > 1) above += 1
  }
  // Four standard deviations: of 2 in 5 for each pixel, and of a fair coin for 4 values per draw.
  for (const change of changes) {
    expect(Math.abs(change - 0.4 * count)).toBeLessThan(4 * Math.sqrt(0.24 * count))
  }
  expect(Math.abs(above - 2 * count)).toBeLessThan(4 * Math.sqrt(count))
})
