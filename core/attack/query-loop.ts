/** The query loop of black-box attacks: fills batches with the queries of many examples. */
import { sumBy } from '../base/sum.ts'
import { sizeOf, tensor } from '../engine/tensor/tensor.ts'
import { rowOf } from './batch.ts'
import { scheduleTask } from './batch-scheduler.ts'
import type { AttackTask } from './task.ts'

/**
 * Points that a search needs evaluated before it continues. A point is written only when there is
 * room for it in a batch, so that thousands of points need no memory. The points of a request can
 * be spread over several batches, and a batch can hold points of several examples.
 */
export interface QueryRequest {
  /** Number of points, 1 or more. Each point is one query. */
  readonly count: number
  /** Writes a point. Called once per point, in order. @param index from 0 to count − 1 */
  write(index: number, point: Float32Array): void
  /**
   * Receives the logits `[k]` of a written point. Called once per point, in order. Copy the arrays
   * if they are needed later.
   */
  read(index: number, point: Float32Array, logits: Float32Array): void
}

/** The search of one example: a generator that yields requests and resumes after each. */
export type QuerySearch<Result = void> = Generator<QueryRequest, Result, void>

/** The remaining queries of an example. */
export interface QueryBudget {
  readonly left: number
}

/** The searches to run. */
export interface QueryWork {
  /** Maximum number of queries per example, 1 or more; a search ends after the last one. */
  readonly queries: number
  /** Starts the search of an example. It may also end by itself. */
  search(row: number, budget: QueryBudget): QuerySearch
}

interface ActiveSearch {
  readonly row: number
  readonly search: QuerySearch
  readonly budget: { left: number }
  request: QueryRequest
  /** Points of the request that have been evaluated. */
  evaluated: number
}

/** A range of a request's points within a batch. */
interface Part {
  readonly owner: ActiveSearch
  readonly from: number
  readonly count: number
}

/**
 * Runs the searches of all examples in batches of up to `batchSize` points. As long as each search
 * depends only on its own example, the outcome depends on neither the batches nor the other
 * examples.
 * @returns the number of queries per example, `[n]`
 * @throws the reason of an aborted signal; errors of the model
 */
export async function runQueries(
  task: AttackTask,
  { queries, search }: QueryWork,
): Promise<Int32Array> {
  const { model, inputs, labels, batchSize } = task
  const exampleShape = inputs.shape.slice(1)
  const size = sizeOf(exampleShape)
  const used = new Int32Array(labels.length)

  const open = (row: number): ActiveSearch | undefined => {
    const budget = { left: queries }
    const started = search(row, budget)
    const { done, value } = started.next()
    return done ? undefined : { row, search: started, budget, request: value, evaluated: 0 }
  }

  const advance = async (active: readonly ActiveSearch[]): Promise<boolean[]> => {
    const parts = fillBatch(active, batchSize)
    const rows = sumBy(parts, ({ count }) => count)
    const batch = tensor('float32', [rows, ...exampleShape], new Float32Array(rows * size))
    let place = 0
    for (const { owner, from, count } of parts) {
      for (let i = 0; i < count; i++) owner.request.write(from + i, rowOf(batch, place++))
    }
    const logits = await model.logits(batch)
    const finished = new Set<ActiveSearch>()
    place = 0
    for (const { owner, from, count } of parts) {
      for (let i = 0; i < count; i++, place++) {
        owner.budget.left -= 1
        owner.request.read(from + i, rowOf(batch, place), rowOf(logits, place))
      }
      owner.evaluated += count
      used[owner.row]! += count
      if (!resume(owner)) finished.add(owner)
    }
    return active.map((search) => finished.has(search))
  }

  await scheduleTask(task, { open, advance })
  return used
}

/** The points of the next batch, in the order of the searches. */
function fillBatch(active: readonly ActiveSearch[], batchSize: number): readonly Part[] {
  const parts: Part[] = []
  let rows = 0
  for (const owner of active) {
    const { request, evaluated, budget } = owner
    const count = Math.min(request.count - evaluated, budget.left, batchSize - rows)
    if (count === 0) break
    parts.push({ owner, from: evaluated, count })
    rows += count
  }
  return parts
}

/** Resumes a search whose request is complete. Returns false if the search has ended. */
function resume(active: ActiveSearch): boolean {
  const { search, budget, request, evaluated } = active
  if (budget.left === 0) {
    search.return()
    return false
  }
  if (evaluated < request.count) return true
  const { done, value } = search.next()
  if (done) return false
  active.request = value
  active.evaluated = 0
  return true
}

/**
 * Queries a single point.
 * @param judge receives the point and its logits `[k]`, and computes the result
 */
export function* queryPoint<Result>(
  point: Float32Array,
  judge: (point: Float32Array, logits: Float32Array) => Result,
): QuerySearch<Result> {
  const results: Result[] = []
  yield {
    count: 1,
    write: (_, output) => output.set(point),
    read: (_, queried, logits) => results.push(judge(queried, logits)),
  }
  return results[0]!
}
