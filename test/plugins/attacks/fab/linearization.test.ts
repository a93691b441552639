/** FAB's geometry on linear decisions, compared with closed forms. */
import { describe, expect, test } from 'vitest'
import {
  liesInBall,
  maximumInBall,
  prepareSteps,
} from '../../../../plugins/attacks/fab/linearization.ts'
import { randomStream } from '../../../../core/base/random.ts'
import { randomLinearClassifier, worstCaseMargin } from '../../../../core/testing/index.ts'
import { convexNorms } from '../../../support/norms.ts'
import { distance, verifyInside } from '../../../../core/threat/verify.ts'

const size = 24
const epsilons = { Linf: 0.2, L2: 0.9, L1: 3 } as const
const trials = Array.from({ length: 30 }, (_, seed) => seed)

/** A point and the decision z_1 − z_0 of two classes; a few components are on their bounds. */
function linearTrial(seed: number) {
  const classifier = randomLinearClassifier([1, 4, 6], 2, seed)
  const stream = randomStream(seed, 'boundary step')
  const origin = Float32Array.from({ length: size }, () =>
    Math.min(1, Math.max(0, 1.4 * stream.uniform() - 0.2)),
  )
  const { weights, bias } = classifier
  const gradient = Float32Array.from(origin, (_, i) => weights[size + i]! - weights[i]!)
  const valueAt = (x: Float32Array): number =>
    x.reduce((sum, value, i) => sum + gradient[i]! * value, bias[1]! - bias[0]!)
  return { classifier, origin, gradient, valueAt }
}

describe.each(convexNorms)('%s', (norm) => {
  const threatModel = { norm, epsilon: epsilons[norm], bounds: [0, 1] } as const

  test.each(trials)('the maximum in the ball equals the worst-case margin (seed %i)', (seed) => {
    const { classifier, origin, gradient, valueAt } = linearTrial(seed)
    const point = origin.map((value) => 1 - value)
    const decisions = [{ value: valueAt(point), gradient }]
    const found = maximumInBall(threatModel, { origin, point }, decisions)
    expect(verifyInside(threatModel, origin, found)).toBeUndefined()
    expect(valueAt(found)).toBeCloseTo(-worstCaseMargin(classifier, threatModel, origin, 0), 4)
  })

  test('of several decisions it maximizes the largest one, whatever their order', () => {
    const { origin, gradient, valueAt } = linearTrial(1)
    const decision = { value: valueAt(origin), gradient }
    const weaker = { value: valueAt(origin) - 1, gradient: gradient.map((value) => -value / 9) }
    const located = { origin, point: origin }
    const alone = maximumInBall(threatModel, located, [decision])
    expect(maximumInBall(threatModel, located, [weaker, decision, weaker])).toEqual(alone)
  })

  test('without a gradient the maximum is at the input', () => {
    const { origin } = linearTrial(2)
    const decisions = [{ value: -1, gradient: new Float32Array(size) }]
    expect(maximumInBall(threatModel, { origin, point: origin }, decisions)).toEqual(origin)
  })

  test.each(trials)(
    'a step from the input ends up to 5 % beyond the decision (seed %i)',
    (seed) => {
      const { origin, gradient, valueAt } = linearTrial(seed)
      const point = origin.slice()
      const value = valueAt(origin)
      prepareSteps(threatModel, size)({ origin, point }, { value, gradient })
      const beyond = -valueAt(point) / value
      // η = 1.05, reduced by the clipping at the bounds.
      expect(beyond).toBeGreaterThan(-1e-5)
      expect(beyond).toBeLessThan(0.05 + 1e-5)
    },
  )

  test('a point at distance ε lies in the ball, and a more distant one does not', () => {
    const { origin } = linearTrial(3)
    const point = origin.map((value, i) => value + (i % 3) * 0.01)
    const away = distance(norm, origin, point)
    expect(liesInBall({ ...threatModel, epsilon: away }, { origin, point })).toBe(true)
    expect(liesInBall({ ...threatModel, epsilon: away * 0.999 }, { origin, point })).toBe(false)
  })
})
