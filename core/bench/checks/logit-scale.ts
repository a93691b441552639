/** Check: the logits have a scale that cross-entropy can work with. */
import { attackLosses } from '../../attack/attack-loss.ts'
import { rowOf } from '../../attack/batch.ts'
import { significant } from '../metrics/figures.ts'
import { defineProbe } from './probe.ts'

const least = 0.1
const most = 50

export const logitScale = defineProbe({
  id: 'logit-scale',
  title: 'Logits have a natural scale',
  kind: 'probe',
  raisedIf: `the median distance between the label's logit and the next one is below ${least} or above ${most}`,
  meaning:
    'The logits were multiplied by something: a temperature, or a scale. With small ones every class looks equally likely and cross-entropy pulls towards all at once; with large ones float32 rounds its gradient to zero. The margin and DLR do not mind.',
  whatToDo: 'Attack with `loss: "margin"` or `"dlr"`, or with `autoattack`, which has both.',
  async measure({ logits, labels }) {
    const gaps = Array.from(
      labels,
      (label, row) => -attackLosses.margin.value(rowOf(logits, row), label),
    ).toSorted((a, b) => a - b)
    const median = gaps[Math.floor(gaps.length / 2)]!
    const raised = median < least || median > most
    return {
      verdict: raised ? 'warn' : 'pass',
      value: median,
      threshold: median < least ? least : most,
      evidence: `the label's logit is ${significant(median)} above the next one in the median; ${least} to ${most} is usual`,
    }
  },
})
