/** Batches are found by their speed, within the memory of a device. */
import { describe, expect, test } from 'vitest'
import { RunError } from '../../../../core/base/errors.ts'
import { findBatch, halving, isOutOfMemory } from '../../../../core/bench/execute/find-batch.ts'

const outOfMemory = new RunError(
  'ROBENCH_GRAPH',
  'model: onnxruntime failed: CUDA failure 2: out of memory',
)

/** A device that runs up to `memory` examples, and is as fast with `saturated` as with more. */
function device(memory: number, saturated: number) {
  const tried: number[] = []
  const seconds = async (batch: number): Promise<number> => {
    tried.push(batch)
    if (batch > memory) throw outOfMemory
    return Math.max(batch, saturated) / 1000
  }
  return { tried, seconds }
}

describe('findBatch', () => {
  test('doubles until passes are not faster', async () => {
    const { tried, seconds } = device(1000, 200)
    expect(await findBatch(64, 500, seconds)).toBe(256)
    expect(tried).toEqual([64, 128, 256, 500])
  })

  test('stops at the largest batch', async () => {
    const { tried, seconds } = device(1000, 1000)
    expect(await findBatch(64, 150, seconds)).toBe(150)
    expect(tried).toEqual([64, 128, 150])
  })

  test('stops where memory ends', async () => {
    expect(await findBatch(64, 500, device(130, 1000).seconds)).toBe(128)
  })

  test('halves the first batch until it fits, and does not grow from there', async () => {
    const { tried, seconds } = device(20, 1000)
    expect(await findBatch(64, 500, seconds)).toBe(16)
    expect(tried).toEqual([64, 32, 16, 32])
  })

  test('passes other errors on', async () => {
    const search = findBatch(64, 500, async () => {
      throw new RunError('ROBENCH_GRAPH', 'model: onnxruntime failed: the device was lost')
    })
    await expect(search).rejects.toThrow('the device was lost')
  })
})

test('halving throws where one example does not fit', async () => {
  const tried: number[] = []
  const work = halving(3, async (batch) => {
    tried.push(batch)
    throw outOfMemory
  })
  await expect(work).rejects.toThrow('out of memory')
  expect(tried).toEqual([3, 1])
})

test.each([
  ['bfc_arena.cc:380 Failed to allocate memory for requested buffer of size 12845056', true],
  ['Available memory of 1024 is smaller than requested bytes of 4096', true],
  ['std::bad_alloc', true],
  ['Non-zero status code returned while running Conv node', false],
])('%s', (message, expected) => {
  expect(isOutOfMemory(new RunError('ROBENCH_GRAPH', message))).toBe(expected)
  expect(isOutOfMemory(new RunError('ROBENCH_STORE', message))).toBe(false)
})
