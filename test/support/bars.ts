/** A data set of 8×8 images, and a small classifier of it, for tests of defenses that wrap one. */
import { randomStream } from '../../core/base/random.ts'
import type { Dataset } from '../../core/data/dataset.ts'
import { memoryDataset } from '../../core/data/memory-dataset.ts'
import { g } from '../../core/engine/graph/graph.ts'
import { batchNormalization, convolution, globalAverage, linear } from '../../core/api/training.ts'
import { train } from '../../core/training/train.ts'

/** Rows, columns or a checkerboard in noise: three classes. */
export function barsDataset(count: number, name = 'bars'): Dataset {
  const random = randomStream(name)
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3)
  const pixels = Uint8Array.from({ length: count * 64 }, (_, i) => {
    const [x, y] = [i % 8, Math.floor(i / 8) % 8]
    const pattern = [y % 2, x % 2, (x + y) % 2][labels[Math.floor(i / 64)]!]!
    return Math.round(70 + 80 * pattern + 100 * random.uniform())
  })
  return memoryDataset({
    id: name,
    title: 'Bars',
    split: 'train',
    toy: true,
    shape: [1, 8, 8],
    classNames: ['rows', 'columns', 'checks'],
    pixels,
    labels,
  })
}

/** The file of a small convolutional network, trained on the data. */
export async function barsClassifier(data: Dataset, seed = 1): Promise<Uint8Array> {
  const { model } = await train({
    network: {
      title: 'tiny CNN',
      build(scope, images) {
        const layer = (x: typeof images, channels: number, stride: number): typeof images =>
          g.relu(batchNormalization(scope, convolution(scope, x, { channels, kernel: 3, stride })))
        return linear(scope, globalAverage(layer(layer(images, 6, 1), 8, 2)), 3)
      },
    },
    data,
    epochs: 3,
    batchSize: 20,
    validation: 0,
    averaging: 0.9,
    seed,
  })
  return model
}
