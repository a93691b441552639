/** Check: random points near an input are judged as it is. */
import { attackLosses } from '../../attack/attack-loss.ts'
import { rowOf } from '../../attack/batch.ts'
import { significant } from '../metrics/figures.ts'
import { neighborCount, randomNeighbors, nearFraction } from './random-neighbors.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.3

/**
 * After Pintor et al. 2022 (arXiv:2106.09947), with two differences. On the margin: near zero any change of cross-entropy is a large one. And
 * in a tenth of the ball: all of it may hold other images, of which a model without defense rightly says something else.
 */
export const predictionsStable = defineProbe({
  id: 'predictions-stable',
  title: 'Predictions are stable',
  kind: 'probe',
  raisedIf: `over ${neighborCount} uniform draws from a ball of ${nearFraction} ε the margin changes by more than ${threshold} of itself, each change counted as 1 at most, in the mean over draws and examples`,
  meaning:
    'The outputs jump about next to an input: noise, winners that change, thresholds. A gradient holds for one point only, and so does the prediction.',
  whatToDo:
    'Average gradients over draws (`eot`, `spsa`, `nes`), attack without them (`square`), and give attacks many restarts.',
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
      evidence: `the margin changes by ${significant(100 * mean)} % of itself, in the mean over ${neighborCount} random points within ${nearFraction} ε of each example`,
    }
  },
})
