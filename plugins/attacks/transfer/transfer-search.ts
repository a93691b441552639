/** Crafts points on surrogates and evaluates them on the target: the algorithm of `transfer`. */
import { subtask, trackBestAdversarial } from '../../../core/api/attack.ts'
import type { AttackFindings, AttackTask } from '../../../core/api/attack.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import { ConfigError } from '../../../core/api/plugin.ts'
import type { Model } from '../../../core/api/plugin.ts'
import { judgePoints } from '../wrappers/judge-points.ts'

/**
 * Processes the surrogates in order. On each, `craft` attacks the examples that have not fooled the
 * target yet, and the target evaluates the resulting points: one forward pass of the target per
 * example and surrogate. Each surrogate has its own random streams.
 * @param craft attacks the model of the given task, which may already misclassify some examples
 * @throws ConfigError ROBENCH_CONFIG if a surrogate's inputs or classes differ from the target's
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
  const best = trackBestAdversarial(task)
  const { findings } = best
  for (const [place, model] of surrogates.entries()) {
    const rows = Int32Array.from(findings.fooled.keys()).filter((row) => findings.fooled[row] === 0)
    if (rows.length === 0) break
    const part = subtask(task, rows, `surrogate ${place}`, (done) => {
      const share = (place + done / rows.length) / surrogates.length
      task.progress(Math.floor(count - rows.length + rows.length * share))
    })
    await judgePoints(task, rows, await craft({ ...part, model }), best)
  }
  task.progress(count)
  return findings
}

function checkSurrogate(surrogate: Model, target: Model, place: number): void {
  const describe = ({ inputShape, classes }: Model): string =>
    `inputs [${inputShape.join(', ')}] and ${classes} classes`
  if (describe(surrogate) === describe(target)) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `surrogates/${place}: expected a model with ${describe(target)} like the target, ` +
      `got one with ${describe(surrogate)}; choose models of the same data set`,
  )
}
