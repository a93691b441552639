/** Some examples of a task, as a task of their own: for attacks that run others on what is left. */
import { gatherRows } from '../engine/tensor/tensor.ts'
import type { AttackTask } from './task.ts'

/**
 * The task of the given rows. Streams stay those of the examples, whatever other rows are taken with them.
 * @param name keeps the random numbers apart from those of other parts
 * @param progress told how many of these rows are finished
 */
export function subtask(
  task: AttackTask,
  rows: Int32Array,
  name: string,
  progress: (done: number) => void,
): AttackTask {
  return {
    ...task,
    inputs: gatherRows(task.inputs, rows),
    labels: rows.map((row) => task.labels[row]!),
    rng: {
      stream: (row, restart, own = '') => task.rng.stream(rows[row]!, restart, `${name}/${own}`),
    },
    progress,
  }
}
