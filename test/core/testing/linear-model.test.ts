/** The closed form of the linear model agrees with the engine, its oracle with brute force. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crossEntropy, margin } from '../../../core/model/losses.ts'
import { predictions } from '../../../core/model/predictions.ts'
import { randomStream } from '../../../core/base/random.ts'
import { float32 } from '../../../core/engine/tensor/tensor.ts'
import {
  LinearModel,
  compiledLinearModel,
  randomLinearClassifier,
  worstCaseMargin,
} from '../../../core/testing/index.ts'
import { convexNorms } from '../../support/norms.ts'

describe.each([
  ['crossEntropy', crossEntropy],
  ['margin', margin],
])('%s', (_, loss) => {
  test('has the same logits, losses and gradient in closed form and in the engine', async () => {
    const classifier = randomLinearClassifier([2, 3, 3], 4, 1)
    const stream = randomStream(1)
    const pixels = Float32Array.from({ length: 10 * 18 }, () => stream.uniform())
    const inputs = float32([10, 2, 3, 3], pixels)
    const closed = new LinearModel(classifier)
    const compiled = await compiledLinearModel(classifier)
    const labels = predictions(await closed.logits(inputs)).map((label, row) => (label + row) % 4)
    const expected = await closed.gradient(inputs, labels, loss)
    const actual = await compiled.gradient(inputs, labels, loss)
    // Float32 sums of 18 products of size 1.
    expect(actual.logits.data).toBeAllclose(expected.logits.data, { atol: 1e-5 })
    expect(actual.losses).toBeAllclose(expected.losses, { atol: 1e-5 })
    expect(actual.gradient.data).toBeAllclose(expected.gradient.data, { atol: 1e-5 })
    await compiled.dispose()
  })
})

test.each(convexNorms)(
  '%s: no point of the ball goes below the worst-case margin, and some come near',
  (norm) => {
    const classifier = randomLinearClassifier([1, 1, 2], 3, 3)
    const { weights, bias } = classifier
    const marginAt = (x: readonly number[], label: number): number => {
      const z = Array.from(
        bias,
        (b, k) => b + weights[2 * k]! * x[0]! + weights[2 * k + 1]! * x[1]!,
      )
      const own = z[label]!
      return own - Math.max(...z.filter((_, k) => k !== label))
    }
    const unit = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(unit, unit, fc.integer({ min: 0, max: 2 }), unit, (x0, x1, label, epsilon) => {
        const exact = worstCaseMargin(
          classifier,
          { norm, epsilon, bounds: [0, 1] },
          [x0, x1],
          label,
        )
        let smallest = Infinity
        const rays = 200
        for (let ray = 0; ray < rays; ray++) {
          const angle = (2 * Math.PI * ray) / rays
          const [c, s] = [Math.cos(angle), Math.sin(angle)]
          const size = {
            Linf: Math.max(Math.abs(c), Math.abs(s)),
            L2: 1,
            L1: Math.abs(c) + Math.abs(s),
          }
          const length = epsilon / size[norm]
          // Clipping keeps the point in the ball.
          const point = [x0 + length * c, x1 + length * s].map((v) => Math.min(1, Math.max(0, v)))
          smallest = Math.min(smallest, marginAt(point, label))
        }
        expect(smallest).toBeGreaterThan(exact - 1e-9)
        // Neighboring rays are 0.03 ε apart, on a slope of less than 10.
        expect(smallest).toBeLessThan(exact + 0.3 * epsilon + 1e-9)
      }),
    )
  },
)

test('L0: the worst-case margin is the smallest over all pairs of pixels at their bounds', () => {
  const [pixels, channels] = [5, 2]
  const classifier = randomLinearClassifier([channels, 1, pixels], 3, 4)
  const { weights, bias } = classifier
  const size = pixels * channels
  const unit = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(fc.array(unit, { minLength: size, maxLength: size }), (x) => {
      const marginAt = (point: readonly number[]): number => {
        const z = Array.from(bias, (b, k) =>
          point.reduce((sum, value, i) => sum + weights[size * k + i]! * value, b),
        )
        return z[0]! - Math.max(z[1]!, z[2]!)
      }
      let smallest = Infinity
      for (let first = 0; first < pixels; first++) {
        for (let second = first + 1; second < pixels; second++) {
          for (let corner = 0; corner < 16; corner++) {
            const point = x.slice()
            for (const [bit, i] of [first, first + pixels, second, second + pixels].entries()) {
              point[i] = (corner >> bit) & 1
            }
            smallest = Math.min(smallest, marginAt(point))
          }
        }
      }
      const threatModel = { norm: 'L0', epsilon: 2, bounds: [0, 1], channels } as const
      expect(worstCaseMargin(classifier, threatModel, x, 0)).toBeCloseTo(smallest, 9)
    }),
  )
})
