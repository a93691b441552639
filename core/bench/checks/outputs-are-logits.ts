/** Check: the outputs are logits, and not probabilities. */
import { sum } from '../../base/sum.ts'
import { rowOf } from '../../attack/batch.ts'
import { ofExamples } from './check.ts'
import { defineProbe } from './probe.ts'

const tolerance = 1e-5

/** Second check of AutoAttack, with its tolerances (`checks.py`). */
export const outputsAreLogits = defineProbe({
  id: 'outputs-are-logits',
  title: 'Outputs are logits',
  kind: 'probe',
  raisedIf:
    "every output of every example is within [0, 1] and each example's outputs sum to 1, within " +
    tolerance,
  meaning:
    'The file ends in a softmax. A loss that applies its own softmax then sees outputs that ' +
    'differ by at most 1. Where the model is confident, the gradient through its softmax is ' +
    'almost zero.',
  whatToDo:
    'Export the model without its final softmax, or name the tensor before it as `output` in ' +
    'the manifest.',
  async measure({ logits, count }) {
    let alike = 0
    for (let row = 0; row < count; row++) {
      const outputs = rowOf(logits, row)
      const total = sum(outputs)
      const inside = outputs.every((value) => value > -tolerance && value < 1 + tolerance)
      if (inside && Math.abs(total - 1) < tolerance) alike += 1
    }
    return {
      verdict: alike === count ? 'fail' : 'pass',
      value: alike / count,
      threshold: 1,
      evidence: `the outputs of ${ofExamples(alike, count)} look like probabilities`,
    }
  },
})
