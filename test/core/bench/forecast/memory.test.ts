/** Batches and workers fit the memory that is free. */
import { expect, test } from 'vitest'
import { fitMemory, workerBytes } from '../../../../core/bench/forecast/memory.ts'

const model = (hash: string, activationBytes: number, weightBytes = 0) => ({
  hash,
  activationBytes,
  weightBytes,
  inputBytes: 0,
  rowsPerPart: Infinity,
})
const request = { batchSize: 64, workers: 4, availableBytes: 64e9 }

test('small models keep the batch of the suite and all workers', () => {
  const { workers, batchSizes } = fitMemory({ ...request, models: [model('small', 1e6)] })
  expect(workers).toBe(4)
  expect(batchSizes).toEqual(new Map([['small', 64]]))
})

test('activations stay within 0.9 GB however much memory is free; other models keep their batch', () => {
  const models = [model('small', 1e6), model('large', 50e6)]
  const { batchSizes, bytesPerWorker } = fitMemory({ ...request, models })
  // 6 · 3 · 50 MB = 0.9 GB, beside 200 MB for the process.
  expect(batchSizes).toEqual(
    new Map([
      ['small', 64],
      ['large', 6],
    ]),
  )
  expect(bytesPerWorker).toBe(1.1e9)
})

test('in a small container, workers are given up before batches get very small', () => {
  const fit = fitMemory({ ...request, availableBytes: 2e9, models: [model('large', 50e6)] })
  // 4 examples take 0.8 GB, and 1.6 GB may be used: 2 workers.
  expect(fit.workers).toBe(2)
  expect(fit.batchSizes.get('large')).toBe(4)
})

test('one worker with one example is the least', () => {
  const fit = fitMemory({ ...request, availableBytes: 0.1e9, models: [model('large', 50e6)] })
  expect(fit).toMatchObject({ workers: 1, batchSizes: new Map([['large', 1]]) })
})

test('weights count; a model that could not be imported keeps its batch', () => {
  const models = [model('unknown', 0), model('weights', 50e6, 1e9)]
  const fit = fitMemory({ ...request, availableBytes: 3.5e9, models })
  // Two workers would need 2 · (200 MB + 0.7 · 1 GB + 4 · 3 · 50 MB) = 3 GB of 2.8 GB.
  expect(fit.workers).toBe(1)
  expect(fit.bytesPerWorker).toBe(1.8e9)
  const { batchSizes } = fit
  expect(batchSizes).toEqual(
    new Map([
      ['unknown', 64],
      ['weights', 6],
    ]),
  )
})

test('passes in parts take the memory of one part, and a worker that of its peak', () => {
  const parts = { ...model('parts', 25e6, 1e9), rowsPerPart: 8, inputBytes: 0.6e6 }
  // Compiling the sessions takes more than 0.7 GB and one example.
  expect(workerBytes(parts, 1)).toBe(0.2e9 + 1e9 + 10 * 0.6e6)
  expect(workerBytes(parts, 64)).toBe(0.2e9 + 0.7e9 + 3 * 8 * 25e6 + 64 * 10 * 0.6e6)
})
