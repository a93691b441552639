/**
 * Attack tasks on linear classifiers: random ones, with each example's exact boundary distance, and
 * given ones on listed pixels.
 */
import { rowOf } from '../../core/attack/batch.ts'
import type { AttackTask } from '../../core/attack/task.ts'
import { float32 } from '../../core/engine/tensor/tensor.ts'
import { LinearModel, worstCaseMargin } from '../../core/testing/index.ts'
import type { LinearClassifier } from '../../core/testing/index.ts'
import type { Norm, ThreatModel } from '../../core/threat/threat-model.ts'
import { linearCase } from './attack-request.ts'
import type { LinearProblem } from './attack-request.ts'
import { attackTask } from './attack-task.ts'

export interface LinearTask {
  readonly task: AttackTask
  /** The distance of each example to the nearest misclassified point within the bounds. */
  readonly distances: readonly number[]
}

/** Examples as in `linearCase`. @param epsilon of the threat model; 1 by default */
export async function linearTask(
  problem: LinearProblem & { readonly size: number },
  norm: Norm,
  epsilon = 1,
): Promise<LinearTask> {
  const threatModel = { norm, epsilon, bounds: [0, 1] } as const
  const { classifier, request } = await linearCase(problem, { threatModel })
  const { model, inputs, labels } = request
  const distances = Array.from(labels, (label, row) => {
    let robust = 0
    let breakable = norm === 'Linf' ? 1 : problem.size
    for (let round = 0; round < 50; round++) {
      const middle = (robust + breakable) / 2
      const tried = { ...threatModel, epsilon: middle }
      if (worstCaseMargin(classifier, tried, rowOf(inputs, row), label) > 0) robust = middle
      else breakable = middle
    }
    return breakable
  })
  return { task: attackTask({ model, inputs, labels, threatModel }), distances }
}

/** Fields of a task, of its threat model, and the classes of its examples. */
export type PixelTaskChanges = Partial<
  Omit<AttackTask, 'inputs' | 'labels' | 'threatModel'> & Omit<ThreatModel, 'transform'>
> & { readonly labels?: readonly number[] }

/**
 * A task on a linear classifier, or on the model in `changes`. Labels default to class 0, the
 * threat model to Linf with ε = 0.3 and bounds [0, 1].
 * @param rows the pixels of each example
 */
export function pixelTask(
  classifier: LinearClassifier,
  rows: readonly (readonly number[])[],
  changes: PixelTaskChanges = {},
): AttackTask {
  const { norm = 'Linf', epsilon = 0.3, bounds = [0, 1], labels, ...others } = changes
  return attackTask({
    model: new LinearModel(classifier),
    inputs: float32([rows.length, ...classifier.inputShape], rows.flat()),
    labels: Int32Array.from(labels ?? rows.map(() => 0)),
    threatModel: { norm, epsilon, bounds },
    ...others,
  })
}
