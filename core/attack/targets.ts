/** The target classes of targeted attacks. */
import type { JSONSchema } from 'json-schema-to-ts'
import { ConfigError } from '../base/errors.ts'
import { optionLimits } from '../base/option-limits.ts'
import { sliceRows } from '../engine/tensor/tensor.ts'
import { rowOf } from './batch.ts'
import type { AttackTask } from './task.ts'

/**
 * `random`: any wrong class, drawn for each example and restart; `least-likely`: the class with the
 * lowest logit at the input (one more forward pass per example); a number: that class.
 */
export type Target = 'random' | 'least-likely' | number

/** The target of restart `restart` of example `row`; undefined if it is the example's own class. */
export type TargetOf = (row: number, restart: number) => number | undefined

/**
 * `untargeted`: away from the true class. `targeted`: toward one class, stopping only when that
 * class is predicted. `multi-targeted`: away from the true class; the first start is untargeted,
 * and restart r ≥ 1 targets the wrong class with the r-th largest logit at the input. It stops at
 * any misclassification (after Gowal et al. 2019, arXiv:1910.09338, who have no untargeted start).
 */
export type AttackGoal = 'untargeted' | 'targeted' | 'multi-targeted'

/** JSON Schema of the option `goal`. */
export const goalSchema = {
  enum: ['untargeted', 'targeted', 'multi-targeted'],
  default: 'untargeted',
  description:
    'untargeted: away from the true class; targeted: toward the class chosen by `target`, ' +
    'stopping only there; multi-targeted: away from the true class, each restart after the ' +
    'first targeting the next most likely wrong class',
} as const satisfies JSONSchema

/** JSON Schema of the option `target`. */
export const targetSchema = {
  anyOf: [
    { enum: ['random', 'least-likely'] },
    { type: 'integer', minimum: 0, maximum: optionLimits.classes },
  ],
  default: 'random',
  description: '"random", "least-likely", or a class number (with goal "targeted")',
} as const satisfies JSONSchema

/**
 * Chooses the targets of all examples.
 * @throws ConfigError ROBENCH_CONFIG if the model does not have the target class
 */
export async function chooseTargets(task: AttackTask, target: Target): Promise<TargetOf> {
  const { labels, model, rng } = task
  if (target === 'random') {
    return (row, restart) => {
      const drawn = rng.stream(row, restart, 'target').integer(model.classes - 1)
      return drawn < labels[row]! ? drawn : drawn + 1
    }
  }
  if (target === 'least-likely') {
    const chosen = await leastLikely(task)
    return (row) => (chosen[row] === labels[row] ? undefined : chosen[row])
  }
  if (target >= model.classes) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `target: expected a class from 0 to ${model.classes - 1}, got ${target}`,
    )
  }
  return (row) => (labels[row] === target ? undefined : target)
}

/**
 * Targets for `multi-targeted`, one per restart: the true class, then the wrong classes by
 * descending logits at the input, then the true class again, and so on. One forward pass per
 * example.
 */
export async function runnerUps(task: AttackTask): Promise<TargetOf> {
  const { labels, model } = task
  const { classes } = model
  const ranked = new Int32Array(labels.length * classes)
  await forEachLogits(task, (row, logits) => {
    const wrong = Array.from(logits, (_, i) => i).filter((i) => i !== labels[row])
    wrong.sort((a, b) => logits[b]! - logits[a]! || a - b)
    ranked.set([labels[row]!, ...wrong], row * classes)
  })
  return (row, restart) => ranked[row * classes + (restart % classes)]
}

async function leastLikely(task: AttackTask): Promise<Int32Array> {
  const chosen = new Int32Array(task.labels.length)
  await forEachLogits(task, (row, logits) => {
    let least = 0
    for (let i = 1; i < logits.length; i++) if (logits[i]! < logits[least]!) least = i
    chosen[row] = least
  })
  return chosen
}

/** Calls `use` with the logits of each example at the input. */
async function forEachLogits(
  task: AttackTask,
  use: (row: number, logits: Float32Array) => void,
): Promise<void> {
  const { inputs, labels, model, batchSize, signal } = task
  const count = labels.length
  for (let start = 0; start < count; start += batchSize) {
    signal.throwIfAborted()
    const end = Math.min(count, start + batchSize)
    const logits = await model.logits(sliceRows(inputs, start, end))
    for (let row = start; row < end; row++) use(row, rowOf(logits, row - start))
  }
}
