/** A model that answers one question about each point, as the second of two classes. */
import { g } from '../engine/graph/graph.ts'
import type { Value } from '../engine/graph/value.ts'
import { tensor } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import { delegateModel } from './delegate.ts'
import { isLabel } from './losses.ts'
import type { Model, TargetedLoss } from './model.ts'
import { incrementalPasses, type IncrementalModel } from './window-queries.ts'

/** A question: two logits from those of the model. */
export interface Question {
  /**
   * Two logits `[n, 2]` from logits `[n, k]`. The same function for all questions of a kind, since
   * sessions are cached by it.
   * @param parameter `[n]` int64, equal to `parameter` in each row
   */
  express(logits: Value, parameter: Value): Value
  readonly parameter: number
  /** Writes the two logits of one point. */
  compute(logits: Float32Array, output: Float32Array): void
}

/**
 * max over i ≠ t of z_i, and z_t: a point is in the second class where the model predicts class t.
 * An attack away from the first class is an attack toward t.
 */
export function isTarget(target: number): Question {
  return {
    parameter: target,
    express: expressTarget,
    compute(logits, output) {
      let rival = -Infinity
      for (let i = 0; i < logits.length; i++) {
        if (i !== target) rival = Math.max(rival, logits[i]!)
      }
      output[0] = rival
      output[1] = logits[target]!
    },
  }
}

function expressTarget(logits: Value, targets: Value): Value {
  const own = isLabel(logits, targets)
  const rival = g.reduceMax(g.where(own, -1e30, logits), [1], true)
  return g.concat([rival, g.reduceSum(g.where(own, logits, 0), [1], true)], 1)
}

/**
 * The model with the two classes of a question. Passes are counted by the model itself. Variants
 * answer the same question.
 */
export function twoClassView(model: Model, question: Question): Model {
  const answer = (logits: FloatTensor): FloatTensor => {
    const [count = 0, classes = 0] = logits.shape
    const data = new Float32Array(2 * count)
    for (let row = 0; row < count; row++) {
      const own = logits.data.subarray(row * classes, (row + 1) * classes)
      question.compute(own, data.subarray(2 * row, 2 * row + 2))
    }
    return tensor('float32', [count, 2], data)
  }
  const parameters = (count: number): Int32Array => new Int32Array(count).fill(question.parameter)
  const changes: Partial<IncrementalModel> = {
    classes: 2,
    logits: async (inputs) => answer(await model.logits(inputs)),
    async gradient(inputs, labels, loss) {
      const composed = composedLoss(loss, question.express)
      const count = labels.length
      const result = await model.gradient(inputs, labels, composed, parameters(count))
      return { ...result, logits: answer(result.logits) }
    },
    compile: (build) =>
      model.compile((scope) =>
        build({
          ...scope,
          gradient: (of, by) => scope.gradient(of, by),
          logits(inputs) {
            const logits = scope.logits(inputs)
            const zero = g.cast(g.mul(g.reduceSum(logits, [1]), 0), 'int64')
            return question.express(logits, g.add(zero, g.integers([question.parameter])))
          },
        }),
      ),
    variant: (options) => twoClassView(model.variant(options), question),
    async [incrementalPasses](sides) {
      const queries = await (model as IncrementalModel)[incrementalPasses]?.(sides)
      return (
        queries && {
          logits: async (points, searches) => answer(await queries.logits(points, searches)),
          accept: (search) => queries.accept(search),
          release: () => queries.release(),
        }
      )
    },
  }
  return delegateModel(model, changes)
}

/** Losses of the two classes, as losses of the model: one per loss and kind of question. */
const composedLosses = new WeakMap<TargetedLoss, Map<Question['express'], TargetedLoss>>()

function composedLoss(loss: TargetedLoss, express: Question['express']): TargetedLoss {
  const known = composedLosses.get(loss) ?? new Map<Question['express'], TargetedLoss>()
  composedLosses.set(loss, known)
  const found = known.get(express)
  if (found) return found
  // Of two classes, the target of a label is the other one.
  const composed: TargetedLoss = (logits, labels, parameter) =>
    loss(express(logits, parameter), labels, g.sub(g.integers([1]), labels))
  known.set(express, composed)
  return composed
}
