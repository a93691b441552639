/** Check: the logits have a scale that suits cross-entropy. */
import { attackLosses } from '../../attack/attack-loss.ts'
import { rowOf } from '../../attack/batch.ts'
import { significant } from '../../base/figures.ts'
import { defineProbe } from './probe.ts'

const least = 0.1
const most = 50

/** Extreme scales of the logits make cross-entropy useless for attacks. */
export const logitScale = defineProbe({
  id: 'logit-scale',
  title: 'Logits have a natural scale',
  kind: 'probe',
  raisedIf:
    "the median difference between the label's logit and the largest other logit is below " +
    `${least} or above ${most}`,
  meaning:
    'The logits were multiplied by a temperature or a scale. If they are small, every class ' +
    'looks equally likely, and cross-entropy pulls toward all classes at once. If they are ' +
    'large, float32 rounds its gradient to zero. The margin and DLR are not affected.',
  whatToDo: 'Attack with `loss: "margin"` or `"dlr"`, or with `autoattack`, which includes both.',
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
      evidence:
        `the median difference to the next logit is ${significant(median)}; ${least} to ${most} ` +
        'is usual',
    }
  },
})
