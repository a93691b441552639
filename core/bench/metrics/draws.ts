/** Robust accuracy of a stochastic model, over several predictions of each adversarial example. */
import type { Outcomes } from './accuracy.ts'
import { meanInterval, wilsonInterval } from './interval.ts'
import type { Interval } from './interval.ts'

/** A robust accuracy over all examples, in [0, 1], with its 95 % interval. */
export interface DrawAccuracy extends Interval {
  readonly robustAccuracy: number
}

/** Three robust accuracies. An example that is misclassified without attack counts as 0 in all. */
export interface DrawAccuracies {
  /** The mean fraction of correct predictions. Its interval is `meanInterval`. */
  readonly mean: DrawAccuracy
  /** Examples of which most predictions are correct: the robust accuracy of the outcomes. */
  readonly majority: DrawAccuracy
  /** Examples that no prediction misclassifies: broken if any of m draws is. */
  readonly any: DrawAccuracy
}

/**
 * The accuracies over m predictions of each example.
 * @param correct `[n]`: how many of the predictions are correct, 0 to `count`
 */
export function drawAccuracies(
  outcomes: Outcomes,
  { count, correct }: { readonly count: number; readonly correct: readonly number[] },
): DrawAccuracies {
  const total = outcomes.length
  let sum = 0
  let majority = 0
  let all = 0
  for (let i = 0; i < total; i++) {
    if (outcomes[i] === 'w') continue
    sum += correct[i]!
    if (outcomes[i] === 'r') majority += 1
    if (correct[i] === count) all += 1
  }
  const mean = sum / count
  return {
    mean: { robustAccuracy: mean / total, ...meanInterval(mean, total) },
    majority: { robustAccuracy: majority / total, ...wilsonInterval(majority, total) },
    any: { robustAccuracy: all / total, ...wilsonInterval(all, total) },
  }
}
