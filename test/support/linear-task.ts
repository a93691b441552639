/** Tasks for the machinery of attacks on a random linear classifier, with the exact distance of each example's boundary. */
import type { AttackTask } from '../../core/attack/task.ts'
import { randomStream } from '../../core/base/random.ts'
import { rowOf } from '../../core/attack/batch.ts'
import { worstCaseMargin } from '../../core/testing/index.ts'
import { referenceExamples } from '../../core/threat/reference-examples.ts'
import type { Norm } from '../../core/threat/threat-model.ts'
import { linearCase } from './attack-request.ts'

export interface LinearTask {
  readonly task: AttackTask
  /** Of each example: how far the nearest misclassified point within the bounds lies. */
  readonly distances: readonly number[]
}

/** Examples as `linearCase` makes them; the reference is the examples themselves. @param epsilon of the threat model; 1 if left out */
export async function linearTask(
  shape: { readonly classes: number; readonly count: number; readonly size: number },
  norm: Norm,
  epsilon = 1,
): Promise<LinearTask> {
  const threatModel = { norm, epsilon, bounds: [0, 1] } as const
  const { classifier, request } = await linearCase(shape, { threatModel })
  const { model, inputs, labels, batchSize, signal } = request
  const distances = Array.from(labels, (label, row) => {
    let robust = 0
    let breakable = norm === 'Linf' ? 1 : shape.size
    for (let round = 0; round < 50; round++) {
      const middle = (robust + breakable) / 2
      const tried = { ...threatModel, epsilon: middle }
      if (worstCaseMargin(classifier, tried, rowOf(inputs, row), label) > 0) robust = middle
      else breakable = middle
    }
    return breakable
  })
  const task: AttackTask = {
    model,
    inputs,
    labels,
    threatModel,
    batchSize,
    signal,
    reference: referenceExamples(inputs, labels),
    rng: { stream: (row, restart, name = '') => randomStream(0, row, restart, name) },
    progress: () => {},
  }
  return { task, distances }
}
