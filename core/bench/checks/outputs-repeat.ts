/** Check: two passes over the same inputs give the same outputs. */
import { predictions } from '../../model/predictions.ts'
import { rowOf } from '../../attack/batch.ts'
import { batchedLogits } from './batched.ts'
import { significant } from '../metrics/figures.ts'
import { defineProbe } from './probe.ts'

/** Passes over the same inputs. */
export const repetitions = 5
const threshold = 1e-4

/** As the first of AutoAttack's checks (Croce and Hein 2020, `checks.py`). */
export const outputsRepeat = defineProbe({
  id: 'outputs-repeat',
  title: 'Outputs repeat',
  kind: 'probe',
  raisedIf: `over ${repetitions} passes on the same inputs the logits of an example, divided by their Euclidean length, move by more than ${threshold}`,
  meaning:
    'The defense draws random numbers at inference. A gradient of one draw points somewhere else than that of the next, so an attack that does not average seems weak, and one lucky draw at the end counts as robust.',
  whatToDo:
    "Attack the expectation: wrap the attacks in `eot` with 20 or more draws, or run AutoAttack's version `rand`.",
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
        ? `over ${repetitions} passes the logits of an example move by up to ${significant(largest)} of their length, and ${counts.join(', ')} of ${inputs.shape[0]} predictions stay the same`
        : `${repetitions} passes give the same logits, to ${significant(largest)} of their length`,
    }
  },
})

/** ‖b / ‖b‖ − a / ‖a‖‖₂ */
function relativeMove(a: Float32Array, b: Float32Array): number {
  const lengthA = Math.hypot(...a) || 1
  const lengthB = Math.hypot(...b) || 1
  return Math.hypot(...a.map((value, i) => value / lengthA - b[i]! / lengthB))
}
