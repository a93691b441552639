/** A small labeled data set that a linear model can learn, for defenses and networks. */
import { randomStream } from '../base/random.ts'
import type { Dataset } from '../data/dataset.ts'
import { memoryDataset } from '../data/memory-dataset.ts'

/** Classes of the data. */
export const separableClasses = 4

/** Standard deviation of the noise, of 255 levels. */
const noise = 20

/**
 * Noisy prototypes, 8-bit, with as many examples of each class.
 * @param shape `[channels, height, width]`
 * @param split each has its own noise around the same prototypes
 */
export function separableData(
  shape: readonly [number, number, number],
  split: 'train' | 'test',
  count: number,
): Dataset {
  const size = shape[0] * shape[1] * shape[2]
  const centers = randomStream('separable prototypes')
  const prototypes = Float64Array.from(
    { length: separableClasses * size },
    () => 64 + 128 * centers.uniform(),
  )
  const stream = randomStream('separable examples', split)
  const labels = Int32Array.from({ length: count }, (_, row) => row % separableClasses)
  const pixels = Uint8Array.from({ length: count * size }, (_, i) => {
    const label = labels[Math.floor(i / size)]!
    const value = prototypes[label * size + (i % size)]! + noise * stream.normal()
    return Math.min(255, Math.max(0, Math.round(value)))
  })
  return memoryDataset({
    id: 'separable',
    title: 'Separable',
    split,
    toy: true,
    shape,
    classNames: Array.from({ length: separableClasses }, (_, k) => `class ${k}`),
    pixels,
    labels,
  })
}
