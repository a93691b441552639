/** A small training set that a tiny network learns: rows or columns, in noise. */
import { randomStream } from '../../../../core/base/random.ts'
import type { Dataset } from '../../../../core/data/dataset.ts'
import { trainingSet } from '../../../support/defense-context.ts'

/** 48 images `[channels, 8, 8]` of two classes. */
export function barsData(channels: number): Dataset {
  const size = channels * 64
  const random = randomStream('bars')
  const labels = Int32Array.from({ length: 48 }, (_, i) => i % 2)
  const pixels = Uint8Array.from({ length: 48 * size }, (_, i) => {
    const [x, y] = [i % 8, Math.floor(i / 8) % 8]
    const stripe = (labels[Math.floor(i / size)] === 0 ? y : x) % 2
    return Math.round(70 + 80 * stripe + 60 * random.uniform())
  })
  return trainingSet([channels, 8, 8], pixels, labels, 2)
}
