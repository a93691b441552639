/** The likeliest wrong classes of each example, as targets. */
import { sliceRows } from '../engine/tensor/tensor.ts'
import { rowOf } from './batch.ts'
import type { AttackTask } from './task.ts'

/** For each row of a task, classes other than its label, the likeliest first. */
export type RankedTargets = readonly Int32Array[]

/** The number of targets: `wanted`, but at most the number of wrong classes. */
export function countTargets(wanted: number, classes: number): number {
  return Math.min(wanted, classes - 1)
}

/**
 * Ranks the wrong classes by their logits at the input, in descending order; equal logits by class.
 * One forward pass per example.
 */
export async function rankTargets(task: AttackTask, wanted: number): Promise<RankedTargets> {
  const { inputs, labels, model, batchSize, signal } = task
  const ranked: Int32Array[] = []
  for (let start = 0; start < labels.length; start += batchSize) {
    signal.throwIfAborted()
    const end = Math.min(labels.length, start + batchSize)
    const logits = await model.logits(sliceRows(inputs, start, end))
    for (let row = start; row < end; row++) {
      const z = rowOf(logits, row - start)
      const classes = Int32Array.from(z.keys()).filter((i) => i !== labels[row])
      classes.sort((a, b) => z[b]! - z[a]! || a - b)
      ranked.push(classes.slice(0, countTargets(wanted, z.length)))
    }
  }
  return ranked
}
