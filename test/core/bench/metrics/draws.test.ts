/** Mean, majority, and any over several predictions, counted by hand. */
import { expect, test } from 'vitest'
import { drawAccuracies } from '../../../../core/bench/metrics/draws.ts'
import { meanInterval, wilsonInterval } from '../../../../core/bench/metrics/interval.ts'

test('accuracies count all examples; misclassified ones count as 0', () => {
  // Of 10 predictions 10, 6, 5, and 0 are correct; the last example was wrong without attack.
  const draws = { count: 10, correct: [10, 6, 5, 0, 0] }
  expect(drawAccuracies('rrbbw', draws)).toEqual({
    mean: { robustAccuracy: 2.1 / 5, ...meanInterval(2.1, 5) },
    majority: { robustAccuracy: 2 / 5, ...wilsonInterval(2, 5) },
    any: { robustAccuracy: 1 / 5, ...wilsonInterval(1, 5) },
  })
})

test('with one draw all three are the accuracy of the outcomes', () => {
  const { mean, majority, any } = drawAccuracies('rbrw', { count: 1, correct: [1, 0, 1, 0] })
  expect(mean).toEqual(majority)
  expect(any).toEqual(majority)
  expect(majority).toEqual({ robustAccuracy: 0.5, ...wilsonInterval(2, 4) })
})
