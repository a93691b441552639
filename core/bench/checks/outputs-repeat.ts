/** Check: two passes over the same inputs give the same outputs. */
import { predictions } from '../../model/predictions.ts'
import { rowOf } from '../../attack/batch.ts'
import { batchedLogits } from './batched.ts'
import { significant } from '../../base/figures.ts'
import { defineProbe } from './probe.ts'

/** Number of passes over the same inputs. */
export const repetitions = 5
const threshold = 1e-4

/** First check of AutoAttack (Croce and Hein 2020, `checks.py`). */
export const outputsRepeat = defineProbe({
  id: 'outputs-repeat',
  title: 'Outputs repeat',
  kind: 'probe',
  raisedIf:
    `over ${repetitions} passes on the same inputs the logits of an example, divided by their ` +
    `Euclidean norm, change by more than ${threshold}`,
  meaning:
    'The defense draws random numbers at inference. The gradient of one draw differs from that ' +
    'of the next, so an attack that does not average looks weak, and one lucky draw at the end ' +
    'counts as robust.',
  whatToDo:
    'Attack the expectation: wrap attacks in `eot` with 20 or more draws, or run the version ' +
    '`rand` of AutoAttack.',
  async measure({ context, inputs, logits: clean }) {
    let largest = 0
    const correct = new Set<number>()
    for (let pass = 0; pass < repetitions; pass++) {
      const logits = await batchedLogits(context, inputs)
      const predicted = predictions(logits)
      const expected = predictions(clean)
      correct.add(predicted.filter((label, row) => label === expected[row]).length)
      for (let row = 0; row < expected.length; row++) {
        largest = Math.max(largest, relativeMove(rowOf(clean, row), rowOf(logits, row)))
      }
    }
    const raised = largest > threshold || correct.size > 1
    const counts = [...correct].toSorted((a, b) => a - b)
    return {
      verdict: raised ? 'warn' : 'pass',
      value: largest,
      threshold,
      evidence: raised
        ? `over ${repetitions} passes the logits of an example change by up to ` +
          `${significant(largest)} of their norm, and ${counts.join(', ')} of ` +
          `${inputs.shape[0]} predictions stay the same`
        : `${repetitions} passes give the same logits, within ${significant(largest)} of their ` +
          'norm',
    }
  },
})

/** ‖b / ‖b‖ − a / ‖a‖‖₂ */
function relativeMove(a: Float32Array, b: Float32Array): number {
  const lengthA = Math.hypot(...a) || 1
  const lengthB = Math.hypot(...b) || 1
  return Math.hypot(...a.map((value, i) => value / lengthA - b[i]! / lengthB))
}
