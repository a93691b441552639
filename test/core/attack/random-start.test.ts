/** Random starts are uniform in the ball. */
import { expect, test } from 'vitest'
import { drawStart } from '../../../core/attack/random-start.ts'
import { randomStream } from '../../../core/base/random.ts'
import { createBall } from '../../../core/threat/ball.ts'
import { norms } from '../../../core/threat/threat-model.ts'
import { distance } from '../../../core/threat/verify.ts'

test.each(norms)(
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
