/** Check: the margin changes little at random points near an input. */
import { attackLosses } from '../../attack/attack-loss.ts'
import { rowOf } from '../../attack/batch.ts'
import { significant } from '../../base/figures.ts'
import { neighborCount, randomNeighbors, nearFraction } from './random-neighbors.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.3

/**
 * After Pintor et al. 2022 (arXiv:2106.09947), with two differences. It uses the margin, because
 * any change of a cross-entropy near zero is relatively large. It draws from a tenth of the ball,
 * because the whole ball may contain images on which an undefended model rightly differs.
 */
export const predictionsStable = defineProbe({
  id: 'predictions-stable',
  title: 'Predictions are stable',
  kind: 'probe',
  raisedIf:
    `for ${neighborCount} uniform draws from a ball of ${nearFraction} ε the margin changes by ` +
    `more than ${threshold} of its value, in the mean over draws and examples; each change is ` +
    'capped at 1',
  meaning:
    'The outputs jump between neighboring inputs: noise, changing winners, thresholds. A ' +
    'gradient holds for one point only, and so does the prediction.',
  whatToDo:
    'Average gradients over draws (`eot`, `spsa`, `nes`), attack without gradients (`square`), ' +
    'and give attacks many restarts.',
  async measure(session) {
    const { margins } = await randomNeighbors(session, 'near')
    let sum = 0
    for (const [row, label] of session.labels.entries()) {
      const own = attackLosses.margin.value(rowOf(session.logits, row), label)
      for (const margin of margins[row]!) sum += Math.min(1, Math.abs((margin - own) / own))
    }
    const mean = sum / (neighborCount * session.count)
    return {
      verdict: mean > threshold ? 'warn' : 'pass',
      value: mean,
      threshold,
      evidence:
        `the margin changes by ${significant(100 * mean)} % of its value, in the mean over ` +
        `${neighborCount} random points within ${nearFraction} ε of each example`,
    }
  },
})
