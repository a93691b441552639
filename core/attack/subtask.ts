/** Tasks for a subset of the examples. */
import { gatherRows } from '../engine/tensor/tensor.ts'
import type { AttackTask } from './task.ts'

/**
 * The task restricted to the given rows, for attacks that run other attacks on the remaining
 * examples. The random streams of an example do not depend on the other rows.
 * @param name separates the random numbers from those of other subtasks
 * @param progress receives the number of finished rows
 */
export function subtask(
  task: AttackTask,
  rows: Int32Array,
  name: string,
  progress: AttackTask['progress'],
): AttackTask {
  return {
    ...task,
    inputs: gatherRows(task.inputs, rows),
    labels: rows.map((row) => task.labels[row]!),
    ...(task.targets && { targets: rows.map((row) => task.targets![row]!) }),
    rng: {
      stream: (row, restart, own = '') => task.rng.stream(rows[row]!, restart, `${name}/${own}`),
    },
    progress,
  }
}
