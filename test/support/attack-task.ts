/** Builds attack tasks; a test states only the fields that it depends on. */
import type { BatchedTask } from '../../core/attack/batch-scheduler.ts'
import type { AttackTask } from '../../core/attack/task.ts'
import { randomStream } from '../../core/base/random.ts'
import { float32, sizeOf } from '../../core/engine/tensor/tensor.ts'
import type { FloatTensor } from '../../core/engine/tensor/tensor.ts'
import type { Model } from '../../core/model/model.ts'
import { predictions } from '../../core/model/predictions.ts'
import { referenceExamples } from '../../core/threat/reference-examples.ts'

/** A task with its own examples as the reference, batches of 16, seed 0, and no time limit. */
export function attackTask(
  given: Pick<AttackTask, 'model' | 'inputs' | 'labels' | 'threatModel'> & Partial<AttackTask>,
): AttackTask {
  return {
    reference: referenceExamples(given.inputs, given.labels),
    rng: { stream: (row, restart, name = '') => randomStream(0, row, restart, name) },
    batchSize: 16,
    signal: new AbortController().signal,
    progress: () => {},
    ...given,
  }
}

/** What a driver needs that runs no model: `count` examples of class 0, no time limit. */
export function batchedTask(count: number, batchSize: number): BatchedTask {
  return {
    labels: new Int32Array(count),
    batchSize,
    signal: new AbortController().signal,
    progress: () => {},
  }
}

/**
 * As `attackTask`; the labels are the model's predictions, so every example is classified
 * correctly.
 */
export async function predictedTask(
  given: Pick<AttackTask, 'model' | 'inputs' | 'threatModel'> & Partial<AttackTask>,
): Promise<AttackTask> {
  return attackTask({ labels: await predictedLabels(given.model, given.inputs), ...given })
}

/** `[n]`: the model's predictions. */
export async function predictedLabels(model: Model, inputs: FloatTensor): Promise<Int32Array> {
  return predictions(await model.logits(inputs))
}

/** Inputs `shape` uniform in [0, 1). @param name names the random stream */
export function uniformInputs(
  shape: readonly number[],
  ...name: readonly (string | number)[]
): FloatTensor {
  const stream = randomStream(...name)
  return float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => stream.uniform()),
  )
}
