/** Runs an attack plugin for a probe, and reads from its queries which examples it broke. */
import { rowOf } from '../../attack/batch.ts'
import type { AttackTask } from '../../attack/task.ts'
import { hashBytes } from '../../base/hash.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { Program } from '../../model/model.ts'
import { predictions } from '../../model/predictions.ts'
import type { AttackContext, AttackPlugin } from '../../plugin/contract.ts'
import { guardModel } from '../../plugin/guarded-model.ts'
import { parseResult } from '../../plugin/parse-result.ts'
import type { SearchAttack } from './probe-context.ts'

/**
 * Makes a black-box attack plugin available to probes. An example counts as broken if the model
 * misclassified the returned point when the attack queried it. The point is not predicted again:
 * that would cost passes, and a stochastic model might disagree.
 */
export function searchAttackOf(plugin: AttackPlugin<never>): SearchAttack {
  const { meta } = plugin
  return async (task, options) => {
    const queries = recordQueries()
    const programs: Pick<Program, 'release'>[] = []
    const context: AttackContext = {
      ...task,
      model: guardModel(task.model, meta, task.signal, {
        observe: queries.observe,
        compiled: (program) => programs.push(program),
      }),
      options,
      setupOnce: (_, learn) => learn(),
    }
    try {
      // The caller states options of this plugin, defaults included.
      const result = await plugin.run(context as AttackContext<never>)
      return queries.misclassified(parseResult(meta, result, task.inputs.shape).points, task)
    } finally {
      for (const program of programs) await program.release()
    }
  }
}

interface QueryRecord {
  observe(points: FloatTensor, logits: FloatTensor): void
  /** `[n]`: 1 where the point was queried and was not predicted as the example's label. */
  misclassified(points: FloatTensor, task: AttackTask): Uint8Array
}

/** Records the predicted classes of every queried point, by the point's hash. */
function recordQueries(): QueryRecord {
  const predicted = new Map<string, Set<number>>()
  const keyOf = (points: FloatTensor, row: number): string => {
    const { buffer, byteOffset, byteLength } = rowOf(points, row)
    return hashBytes(new Uint8Array(buffer, byteOffset, byteLength))
  }
  return {
    observe(points, logits) {
      for (const [row, label] of predictions(logits).entries()) {
        const key = keyOf(points, row)
        const classes = predicted.get(key)
        if (classes) classes.add(label)
        else predicted.set(key, new Set([label]))
      }
    },
    misclassified(points, { labels }) {
      return Uint8Array.from(labels, (label, row) => {
        const classes = predicted.get(keyOf(points, row)) ?? new Set()
        return [...classes].some((other) => other !== label) ? 1 : 0
      })
    },
  }
}
