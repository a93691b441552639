/** Searches that see the predicted class only: shared by `hop-skip-jump` and `boundary`. */
import {
  queryPoint,
  roundDown,
  roundUp,
  runQueries,
  trackNearestAdversarial,
} from '../../../core/api/attack.ts'
import type {
  AttackTask,
  NearestAdversarial,
  QueryBudget,
  QuerySearch,
} from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import type { Norm, RandomStream, ReferenceExamples } from '../../../core/api/plugin.ts'

/** The input of a search on one example. */
export interface DecisionExample {
  /** x; read-only. */
  readonly origin: Float32Array
  readonly label: number
  readonly norm: Norm
  /** The bounds, rounded inward to float32. */
  readonly low: number
  readonly high: number
  readonly stream: RandomStream
  readonly budget: QueryBudget
  readonly reference: ReferenceExamples
  /** True if a point is misclassified. The nearest such point is recorded as the result. */
  judge(point: Float32Array, logits: Float32Array): boolean
}

/** The result of `decisionSearch`. */
export interface DecisionFindings extends Pick<NearestAdversarial, 'adversarial' | 'distances'> {
  /** `[n]`: queries of each example. */
  readonly queries: Int32Array
}

/**
 * Runs a search for each example, with the example's own random stream. A search that does not
 * return ends after exactly `queries` forward passes.
 */
export async function decisionSearch(
  task: AttackTask,
  queries: number,
  search: (example: DecisionExample) => QuerySearch,
): Promise<DecisionFindings> {
  const { inputs, labels, threatModel, reference, rng } = task
  const { norm, bounds } = threatModel
  const size = sizeOf(inputs.shape.slice(1))
  const nearest = trackNearestAdversarial(task)
  const taken = await runQueries(task, {
    queries,
    search: (row, budget) =>
      search({
        origin: inputs.data.subarray(row * size, (row + 1) * size),
        label: labels[row]!,
        norm,
        low: roundUp(bounds[0]),
        high: roundDown(bounds[1]),
        stream: rng.stream(row, 0),
        budget,
        reference,
        judge: (point, logits) => nearest.record(row, point, logits),
      }),
  })
  return { adversarial: nearest.adversarial, distances: nearest.distances, queries: taken }
}

/** Queries whether a point within the bounds is misclassified. Costs one query. */
export function isMisclassified(
  example: DecisionExample,
  point: Float32Array,
): QuerySearch<boolean> {
  return queryPoint(point, (queried, logits) => example.judge(queried, logits))
}
