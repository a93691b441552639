/** Finds the batch of a device that has memory of its own, by trying. */
import { RobenchError } from '../../base/errors.ts'

/** By how much a doubled batch must be faster per example to be worth its memory. */
const leastGain = 1.05

/**
 * Doubles a batch until that is not faster, or memory runs out; halves the first one until it fits.
 * @param first the batch to start with
 * @param most the largest batch
 * @param seconds times a pass over so many examples, after one that is not timed
 * @throws what `seconds` throws, unless memory ran out and a batch is left to try
 */
export async function findBatch(
  first: number,
  most: number,
  seconds: (batch: number) => Promise<number>,
): Promise<number> {
  const speedOf = async (batch: number): Promise<number> => batch / (await seconds(batch))
  let batch = Math.min(first, most)
  let speed = await halving(batch, async (size) => {
    batch = size
    return speedOf(size)
  })
  while (batch < most) {
    const larger = Math.min(2 * batch, most)
    try {
      const found = await speedOf(larger)
      if (found < leastGain * speed) return batch
      speed = found
    } catch (error) {
      if (isOutOfMemory(error)) return batch
      throw error
    }
    batch = larger
  }
  return batch
}

/**
 * Runs work in batches, halved each time memory runs out.
 * @throws what the work throws, unless memory ran out with more than one example in a batch
 */
export async function halving<Result>(
  first: number,
  work: (batch: number) => Promise<Result>,
): Promise<Result> {
  for (let batch = first; ; batch = Math.floor(batch / 2)) {
    try {
      return await work(batch)
    } catch (error) {
      if (batch <= 1 || !isOutOfMemory(error)) throw error
    }
  }
}

/** Whether a pass failed because the device had no memory left, by the words of the providers. */
export function isOutOfMemory(error: unknown): boolean {
  const words =
    /out of memory|outofmemory|failed to allocate|bad[_ ]alloc|available memory of|exceeds .*buffer/i
  return (
    error instanceof RobenchError && error.code === 'ROBENCH_GRAPH' && words.test(error.message)
  )
}
