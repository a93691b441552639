/** Which class a targeted attack aims at. */
import type { JSONSchema } from 'json-schema-to-ts'
import { ConfigError } from '../errors.ts'
import { sliceRows } from '../tensor/tensor.ts'
import type { AttackTask } from './task.ts'

/**
 * `random`: any wrong class, drawn anew for each example and restart; `least-likely`: the class with
 * the lowest logit at the input itself (one more forward pass per example); a number: that class.
 */
export type Target = 'random' | 'least-likely' | number

/** The class that restart `restart` of example `row` aims at; undefined where it is the example's own. */
export type TargetOf = (row: number, restart: number) => number | undefined

/** JSON Schema of the option `goal`. */
export const goalSchema = {
  enum: ['untargeted', 'targeted'],
  default: 'untargeted',
  description:
    'untargeted: away from the true class; targeted: towards a class chosen by `target`, stopping only there',
} as const satisfies JSONSchema

/** JSON Schema of the option `target`. */
export const targetSchema = {
  anyOf: [{ enum: ['random', 'least-likely'] }, { type: 'integer', minimum: 0 }],
  default: 'random',
  description: '"random", "least-likely" or the number of a class (with goal "targeted")',
} as const satisfies JSONSchema

/**
 * Chooses the targets of all examples.
 * @throws ConfigError ROBENCH_CONFIG if the model has no such class.
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

async function leastLikely(task: AttackTask): Promise<Int32Array> {
  const { inputs, model, batchSize, signal } = task
  const count = task.labels.length
  const chosen = new Int32Array(count)
  for (let start = 0; start < count; start += batchSize) {
    signal.throwIfAborted()
    const end = Math.min(count, start + batchSize)
    const { data, shape } = await model.logits(sliceRows(inputs, start, end))
    const classes = shape[1]!
    for (let row = start; row < end; row++) {
      const logits = data.subarray((row - start) * classes, (row - start + 1) * classes)
      let least = 0
      for (let i = 1; i < classes; i++) if (logits[i]! < logits[least]!) least = i
      chosen[row] = least
    }
  }
  return chosen
}
