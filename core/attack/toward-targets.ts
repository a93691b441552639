/** Runs an untargeted attack toward given targets. */
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { isTarget, twoClassView } from '../model/two-class-view.ts'
import { subtask } from './subtask.ts'
import type { AttackTask } from './task.ts'

/**
 * Runs an attack on the tasks of `forEachTarget`, and joins the results.
 * @returns `[n, c, h, w]`
 */
export async function towardTargets(
  task: AttackTask,
  run: (task: AttackTask) => Promise<FloatTensor>,
): Promise<FloatTensor> {
  if (!task.targets) return run(task)
  const size = sizeOf(task.inputs.shape.slice(1))
  const joined = tensor('float32', task.inputs.shape, task.inputs.data.slice())
  await forEachTarget(task, async (part, rows) => {
    const { data } = await run(part)
    rows.forEach((row, place) => {
      joined.data.set(data.subarray(place * size, (place + 1) * size), row * size)
    })
  })
  return joined
}

/**
 * Without targets, visits the task itself. With targets, visits one task for each target class: its
 * model has two classes, of which the second one means that the target is predicted, and all labels
 * are 0, so that an attack that is misclassified has reached its target.
 * @param visit receives a task and its rows in the whole task
 */
export async function forEachTarget(
  task: AttackTask,
  visit: (task: AttackTask, rows: Int32Array) => Promise<void>,
): Promise<void> {
  const { targets, ...rest } = task
  const everyRow = Int32Array.from(task.labels.keys())
  if (!targets) return visit(task, everyRow)
  let before = 0
  for (const target of [...new Set(targets)].toSorted((a, b) => a - b)) {
    const rows = everyRow.filter((row) => targets[row] === target)
    const start = before
    const part = subtask(rest, rows, `target ${target}`, (done, stage) =>
      task.progress(start + done, stage),
    )
    const { reference } = part
    await visit(
      {
        ...part,
        model: twoClassView(part.model, isTarget(target)),
        labels: new Int32Array(rows.length),
        reference: {
          count: reference.count,
          select(selected) {
            const { inputs, labels } = reference.select(selected)
            return { inputs, labels: labels.map((label) => (label === target ? 1 : 0)) }
          },
        },
      },
      rows,
    )
    before += rows.length
  }
}
