/** Points made on other models, tried on the target: the machinery of transfer. */
import { rowOf, subtask, trackBestAdversarial } from '../../../core/api/attack.ts'
import type { AttackFindings, AttackTask, BestAdversarial } from '../../../core/api/attack.ts'
import { sliceRows } from '../../../core/api/graph.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { ConfigError } from '../../../core/api/plugin.ts'
import type { Model } from '../../../core/api/plugin.ts'

/**
 * Goes through the surrogates in their order, and shows the target what `craft` makes on each of the examples that are not yet fooled: one forward
 * pass of the target an example and surrogate, and none besides. Each surrogate has random streams of its own.
 * @param craft attacks the model of the task that it is given, which may misclassify some of the examples already
 * @throws ConfigError ROBENCH_CONFIG if a surrogate takes other inputs or has other classes than the target
 */
export async function transferFromSurrogates(
  task: AttackTask,
  surrogates: readonly Model[],
  craft: (task: AttackTask) => Promise<FloatTensor>,
): Promise<AttackFindings> {
  for (const [place, surrogate] of surrogates.entries()) {
    checkSurrogate(surrogate, task.model, place)
  }
  const count = task.labels.length
  const strongest = trackBestAdversarial(task)
  const { findings } = strongest
  for (const [place, model] of surrogates.entries()) {
    const rows = Int32Array.from(findings.fooled.keys()).filter((row) => findings.fooled[row] === 0)
    if (rows.length === 0) break
    const part = subtask(task, rows, `surrogate ${place}`, (done) => {
      const share = (place + done / rows.length) / surrogates.length
      task.progress(Math.floor(count - rows.length + rows.length * share))
    })
    await show(task, rows, await craft({ ...part, model }), strongest)
  }
  task.progress(count)
  return findings
}

/** The target's view of one point for each of the rows. */
async function show(
  { model, batchSize, signal }: AttackTask,
  rows: Int32Array,
  points: FloatTensor,
  strongest: BestAdversarial,
): Promise<void> {
  for (let start = 0; start < rows.length; start += batchSize) {
    signal.throwIfAborted()
    const end = Math.min(rows.length, start + batchSize)
    const logits = await model.logits(sliceRows(points, start, end))
    for (let at = start; at < end; at++) {
      strongest.record(rows[at]!, rowOf(points, at), rowOf(logits, at - start))
    }
  }
}

function checkSurrogate(surrogate: Model, target: Model, place: number): void {
  const describe = ({ inputShape, classes }: Model): string =>
    `inputs [${inputShape.join(', ')}] and ${classes} classes`
  if (describe(surrogate) === describe(target)) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `surrogates/${place}: expected a model with ${describe(target)} as the target has, got one with ${describe(surrogate)}; choose models of the same data set`,
  )
}
