/** The query loop: examples share batches, and budgets are exact. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { queryPoint, runQueries } from '../../../core/attack/query-loop.ts'
import type { QuerySearch } from '../../../core/attack/query-loop.ts'
import type { AttackTask } from '../../../core/attack/task.ts'
import type { Model } from '../../../core/model/model.ts'
import { linearTask } from '../../support/linear-task.ts'

const shape = { classes: 3, count: 6, size: 4 }

/** The model, recording the number of points of each call. */
function watched(model: Model, batches: number[]): Model {
  return {
    ...model,
    inputShape: model.inputShape,
    logits: async (inputs) => {
      batches.push(inputs.shape[0]!)
      return model.logits(inputs)
    },
  }
}

/** Each example sends requests of the given sizes, and records what it receives. */
async function runRequests(
  task: AttackTask,
  counts: readonly (readonly number[])[],
  queries: number,
): Promise<{ taken: Int32Array; received: number[][] }> {
  const received: number[][] = Array.from(task.labels, () => [])
  function* search(row: number): QuerySearch {
    for (const count of counts[row]!) {
      yield {
        count,
        write: (index, point) => point.fill((row + index) / 100),
        read: (index, point, logits) => received[row]!.push(index, point[0]!, logits[0]!),
      }
    }
  }
  return { taken: await runQueries(task, { queries, search }), received }
}

test('every point is evaluated once and in order, whatever the batches are', async () => {
  const { task } = await linearTask(shape, 'Linf')
  const sizes = fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 4 }), {
    minLength: shape.count,
    maxLength: shape.count,
  })
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 20 }),
      async (counts, batchSize, queries) => {
        const single = await runRequests({ ...task, batchSize: 1 }, counts, queries)
        const batches: number[] = []
        const model = watched(task.model, batches)
        const result = await runRequests({ ...task, model, batchSize }, counts, queries)
        expect(result).toEqual(single)
        const wanted = counts.map((own) => own.reduce((sum, count) => sum + count, 0))
        expect([...result.taken]).toEqual(wanted.map((count) => Math.min(count, queries)))
        const total = result.taken.reduce((sum, count) => sum + count, 0)
        expect(batches.reduce((sum, count) => sum + count, 0)).toBe(total)
        expect(Math.max(0, ...batches)).toBeLessThanOrEqual(batchSize)
      },
    ),
    { numRuns: 40 },
  )
})

test('large requests fill batches completely while other searches remain', async () => {
  const { task } = await linearTask(shape, 'Linf')
  const batches: number[] = []
  const model = watched(task.model, batches)
  const counts = Array.from({ length: shape.count }, () => [7, 5])
  await runRequests({ ...task, model, batchSize: 10 }, counts, 1000)
  // The second request of the last example waits for its first.
  expect(batches).toEqual([10, 10, 10, 10, 10, 10, 7, 5])
})

test('the budget ends a search that does not end by itself', async () => {
  const { task } = await linearTask(shape, 'Linf')
  const left: number[] = []
  const taken = await runQueries(task, {
    queries: 9,
    *search(row, budget) {
      const point = new Float32Array(shape.size)
      for (;;) {
        if (row === 0) left.push(budget.left)
        yield* queryPoint(point, () => true)
      }
    },
  })
  expect([...taken]).toEqual([9, 9, 9, 9, 9, 9])
  expect(left).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1])
})
