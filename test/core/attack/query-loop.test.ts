/** Questions of many examples share batches, and budgets are kept to the query. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { askAbout, runQueries } from '../../../core/attack/query-loop.ts'
import type { QuerySearch } from '../../../core/attack/query-loop.ts'
import type { AttackTask } from '../../../core/attack/task.ts'
import type { Model } from '../../../core/model/model.ts'
import { linearTask } from '../../support/linear-task.ts'

const shape = { classes: 3, count: 6, size: 4 }

/** The model, noting how many points each call brings. */
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

/** Each example asks questions of these sizes about points of its own, and notes what it is told. */
async function interview(
  task: AttackTask,
  counts: readonly (readonly number[])[],
  queries: number,
): Promise<{ taken: Int32Array; told: number[][] }> {
  const told: number[][] = Array.from(task.labels, () => [])
  function* search(row: number): QuerySearch {
    for (const count of counts[row]!) {
      yield {
        count,
        write: (index, point) => point.fill((row + index) / 100),
        read: (index, point, logits) => told[row]!.push(index, point[0]!, logits[0]!),
      }
    }
  }
  return { taken: await runQueries(task, { queries, search }), told }
}

test('every point is answered once and in order, whatever the batches are', async () => {
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
        const single = await interview({ ...task, batchSize: 1 }, counts, queries)
        const batches: number[] = []
        const model = watched(task.model, batches)
        const answer = await interview({ ...task, model, batchSize }, counts, queries)
        expect(answer).toEqual(single)
        const wanted = counts.map((own) => own.reduce((sum, count) => sum + count, 0))
        expect([...answer.taken]).toEqual(wanted.map((count) => Math.min(count, queries)))
        const total = answer.taken.reduce((sum, count) => sum + count, 0)
        expect(batches.reduce((sum, count) => sum + count, 0)).toBe(total)
        expect(Math.max(0, ...batches)).toBeLessThanOrEqual(batchSize)
      },
    ),
    { numRuns: 40 },
  )
})

test('long questions fill batches to the last row, while there are others to ask', async () => {
  const { task } = await linearTask(shape, 'Linf')
  const batches: number[] = []
  const model = watched(task.model, batches)
  const counts = Array.from({ length: shape.count }, () => [7, 5])
  await interview({ ...task, model, batchSize: 10 }, counts, 1000)
  // The last example's second question waits for its first.
  expect(batches).toEqual([10, 10, 10, 10, 10, 10, 7, 5])
})

test('a search that never ends is ended by its budget', async () => {
  const { task } = await linearTask(shape, 'Linf')
  const left: number[] = []
  const taken = await runQueries(task, {
    queries: 9,
    *search(row, budget) {
      const point = new Float32Array(shape.size)
      for (;;) {
        if (row === 0) left.push(budget.left)
        yield* askAbout(point, () => true)
      }
    },
  })
  expect([...taken]).toEqual([9, 9, 9, 9, 9, 9])
  expect(left).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1])
})
