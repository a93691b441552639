/** Batches and workers fit the memory that is free. */
import { expect, test } from 'vitest'
import { fitMemory } from '../../../../core/bench/forecast/memory.ts'

const model = (hash: string, activationBytes: number, bytes = 0) => ({
  hash,
  activationBytes,
  identity: { sha256: hash, bytes, parameters: 0 },
})
const request = { batchSize: 64, workers: 4, availableBytes: 64e9 }

test('small models keep the batch of the suite and all workers', () => {
  const { workers, batchSizes } = fitMemory({ ...request, models: [model('small', 1e6)] })
  expect(workers).toBe(4)
  expect(batchSizes).toEqual(new Map([['small', 64]]))
})

test('a worker stays within 1.2 GB however much memory is free; other models keep their batch', () => {
  const models = [model('small', 1e6), model('large', 50e6)]
  const { batchSizes, bytesPerWorker } = fitMemory({ ...request, models })
  // 200 MB + 6 · 3 · 50 MB = 1.1 GB; 7 examples would take 1.25 GB.
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

test('a large file counts; a model that could not be imported keeps its batch', () => {
  const models = [model('unknown', 0), model('weights', 50e6, 100e6)]
  const { batchSizes } = fitMemory({ ...request, models })
  // 200 MB + 400 MB + 4 · 3 · 50 MB = 1.2 GB.
  expect(batchSizes).toEqual(
    new Map([
      ['unknown', 64],
      ['weights', 4],
    ]),
  )
})
