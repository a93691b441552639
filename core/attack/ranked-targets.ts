/** The wrong classes of each example, the likeliest first: what the targeted attacks of AutoAttack go through. */
import { sliceRows } from '../engine/tensor/tensor.ts'
import { rowOf } from './batch.ts'
import type { AttackTask } from './task.ts'

/** For each row of the task, classes other than its label. */
export type RankedTargets = readonly Int32Array[]

/** How many targets there are: as many as asked for, but no more than wrong classes. */
export function countTargets(wanted: number, classes: number): number {
  return Math.min(wanted, classes - 1)
}

/**
 * The wrong classes with the largest logits at the input, from the largest down; of equal ones the first. One forward pass
 * an example.
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
