/** The batch scheduler: batches stay full, whatever the examples take. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scheduleBatches } from '../../../core/attack/batch-scheduler.ts'

interface Countdown {
  readonly row: number
  left: number
}

/** Runs examples of the given lengths; an example of length 0 needs no work. */
async function run(lengths: readonly number[], batchSize: number, signal?: AbortSignal) {
  const batches: number[][] = []
  const finishedAt: number[] = []
  const progress: number[] = []
  await scheduleBatches<Countdown>({
    count: lengths.length,
    batchSize,
    signal: signal ?? new AbortController().signal,
    progress: (done) => progress.push(done),
    open: (row) => (lengths[row] === 0 ? undefined : { row, left: lengths[row]! }),
    async advance(active) {
      batches.push(active.map(({ row }) => row))
      return active.map((state) => {
        state.left -= 1
        if (state.left === 0) finishedAt.push(state.row)
        return state.left === 0
      })
    },
  })
  return { batches, finishedAt, progress }
}

test('a finished example is replaced by the next one immediately', async () => {
  const { batches, progress } = await run([1, 3, 1, 2], 2)
  expect(batches).toEqual([[0, 1], [1, 2], [1, 3], [3]])
  expect(progress).toEqual([0, 1, 2, 3, 4])
})

test('every example finishes, and batches are full until the last one starts', async () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(lengths, fc.integer({ min: 1, max: 8 }), async (drawn, batchSize) => {
      const { batches, finishedAt, progress } = await run(drawn, batchSize)
      const busy = [...drawn.keys()].filter((row) => drawn[row]! > 0)
      expect(finishedAt.toSorted((a, b) => a - b)).toEqual(busy)
      expect(batches.flat().length).toBe(drawn.reduce((sum, length) => sum + length, 0))
      expect(progress.at(-1)).toBe(drawn.length)
      const last = busy.at(-1)
      const entered = batches.findIndex((rows) => rows.includes(last ?? -1))
      expect(batches.slice(0, entered).every((rows) => rows.length === batchSize)).toBe(true)
    }),
  )
})

test('an aborted signal stops the run before the next batch', async () => {
  await expect(run([1], 1, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
})

test('a batch size that is not a positive integer is rejected', async () => {
  await expect(run([1], 0)).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: batchSize: expected a positive integer, got 0]`,
  )
})
