/** Check: the outputs are logits, and not probabilities. */
import { sum } from '../../base/sum.ts'
import { lastOperator } from '../../model/output-head.ts'
import { rowOf } from '../../attack/batch.ts'
import { ofExamples } from './check.ts'
import { defineProbe } from './probe.ts'

const tolerance = 1e-5

/** What the outputs are after the last operators of files whose outputs are not logits. */
const heads: Readonly<Record<string, string>> = {
  Softmax: 'probabilities',
  Sigmoid: 'numbers between 0 and 1',
  LogSoftmax: 'logarithms of probabilities',
}

/** Second check of AutoAttack, with its tolerances (`checks.py`), and the last operator. */
export const outputsAreLogits = defineProbe({
  id: 'outputs-are-logits',
  title: 'Outputs are logits',
  kind: 'probe',
  raisedIf:
    "every output of every example is within [0, 1] and each example's outputs sum to 1, within " +
    `${tolerance}, or the last operator of the file is Softmax or Sigmoid; warns if it is ` +
    'LogSoftmax',
  meaning:
    'The file ends in a softmax. A loss that applies its own softmax then sees outputs that ' +
    'differ by at most 1. Where the model is confident, the gradient through its softmax is ' +
    'almost zero. A sigmoid has the same effect. A log-softmax changes neither the prediction ' +
    'nor any loss of robench, but it shows that the output is not the one that losses expect.',
  whatToDo:
    'Export the model without this last operator, or name the tensor before it as `output` in ' +
    'the manifest.',
  async measure({ logits, count, context }) {
    let alike = 0
    for (let row = 0; row < count; row++) {
      const values = rowOf(logits, row)
      const total = sum(values)
      const inside = values.every((value) => value > -tolerance && value < 1 + tolerance)
      if (inside && Math.abs(total - 1) < tolerance) alike += 1
    }
    const head = context.graph && lastOperator(context.graph, context.manifest?.output)
    const isSquashed = alike === count || head === 'Softmax' || head === 'Sigmoid'
    const outputs = heads[head ?? '']
    const found = `the outputs of ${ofExamples(alike, count)} look like probabilities`
    return {
      verdict: isSquashed ? 'fail' : outputs !== undefined ? 'warn' : 'pass',
      value: alike / count,
      threshold: 1,
      evidence:
        outputs === undefined
          ? found
          : (alike > 0 ? `${found}; ` : '') +
            `the last operator of the file is ${head}, so the outputs are ${outputs}`,
    }
  },
})
