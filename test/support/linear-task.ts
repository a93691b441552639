/** Attack tasks on a random linear classifier, with each example's exact boundary distance. */
import { rowOf } from '../../core/attack/batch.ts'
import type { AttackTask } from '../../core/attack/task.ts'
import { worstCaseMargin } from '../../core/testing/index.ts'
import type { Norm } from '../../core/threat/threat-model.ts'
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
