/** Evaluates points that another attack, or the same attack on another model, made. */
import { rowOf } from '../../../core/api/attack.ts'
import type { AttackTask, BestAdversarial } from '../../../core/api/attack.ts'
import { sliceRows } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'

/**
 * Evaluates one point for each of some examples and offers it to `best`. Costs one forward pass per
 * point.
 * @param rows `[m]`: the rows of the examples in the task
 * @param points `[m, c, h, w]`
 */
export async function judgePoints(
  { model, batchSize, signal }: AttackTask,
  rows: ArrayLike<number>,
  points: FloatTensor,
  best: BestAdversarial,
): Promise<void> {
  for (let start = 0; start < rows.length; start += batchSize) {
    signal.throwIfAborted()
    const end = Math.min(rows.length, start + batchSize)
    const logits = await model.logits(sliceRows(points, start, end))
    for (let at = start; at < end; at++) {
      best.record(rows[at]!, rowOf(points, at), rowOf(logits, at - start))
    }
  }
}
