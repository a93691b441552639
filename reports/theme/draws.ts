/** Robust accuracies over several predictions of a stochastic model, as text. */
import type { DrawAccuracies, DrawAccuracy } from '../../core/bench/metrics/draws.ts'
import { countOf, percentDigits, percentRange } from './figures.ts'

/** The accuracies of an attack, and the number of predictions of each example. */
export interface DrawSummary extends DrawAccuracies {
  readonly count: number
}

/**
 * `10 draws: mean 34.95 % (28.68–41.79), majority 35.50 % (29.20–42.35), any 27.00 %
 * (21.32–33.54)`
 */
export function drawsText({ count, mean, majority, any }: DrawSummary): string {
  const figure = (name: string, accuracy: DrawAccuracy): string =>
    `${name} ${percentDigits(accuracy.robustAccuracy)} % (${percentRange(accuracy)})`
  const figures = [figure('mean', mean), figure('majority', majority), figure('any', any)]
  return `${countOf(count, 'draw')}: ${figures.join(', ')}`
}

/** What the three figures mean. */
export const drawsNote =
  'The model is stochastic, so each adversarial example is predicted several times with fresh ' +
  'random numbers. Mean: fraction of correct predictions. Majority, the main result: examples ' +
  'with more than half of the predictions correct. Any: examples without a wrong prediction.'
