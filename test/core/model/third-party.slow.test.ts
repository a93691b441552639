/** Third-party files with a batch of 1, on real images, if files and data are present. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadDataset } from '../../../core/data/load.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import { loadModel } from '../../../core/model/load.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import { predictions } from '../../../core/model/predictions.ts'
import { readOnnx } from '../../../core/engine/onnx/file.ts'
import { dataFolder, packageRoot } from '../../../core/base/paths.ts'
import { float32, sliceRows, type FloatTensor } from '../../../core/engine/tensor/tensor.ts'

const folder = join(packageRoot(), '..', 'shared', 'models')
const isHere =
  existsSync(join(folder, 'resnet_2b.onnx')) &&
  existsSync(join(dataFolder(), 'cifar10', 'test_batch.bin'))
const mean = [0.4914, 0.4822, 0.4465]
const std = [0.2471, 0.2435, 0.2616]
const count = 200

test.skipIf(!isHere).each([
  // On the first 200 test images; the published figures are for all 10,000.
  ['resnet_2b.onnx', 0.6925],
  ['resnet_4b.onnx', 0.772],
])(
  '%s supports any batch with the same logits, and has about its published accuracy',
  async (file, accuracy) => {
    const data = await loadDataset({ id: 'cifar10' }, { split: 'test' })
    const bytes = readFileSync(join(folder, file))
    const model = await loadModel(
      bytes,
      { bounds: [0, 1], layout: 'NCHW', mean, std, classNames: data.classNames },
      { name: file, inputShape: data.shape },
    )
    const images = data.rows(Array.from({ length: count }, (_, i) => i))
    const labels = data.labels.slice(0, count)
    const { logits, gradient } = await model.gradient(images, labels, crossEntropy)
    const alone = await Session.load(bytes)
    const { inputs, outputs } = readOnnx(bytes, file)
    for (let row = 0; row < 20; row++) {
      const feed = normalized(sliceRows(images, row, row + 1))
      const expected = (await alone.run({ [inputs[0]!.name]: feed }))[outputs[0]!.name]!
      // Batch normalization folded into the kernels, and another order of additions.
      const tolerance = { rtol: 1e-4, atol: 1e-4 }
      expect(sliceRows(logits, row, row + 1).data).toBeAllclose(
        expected.data as Float32Array,
        tolerance,
      )
    }
    await alone.release()
    const correct = predictions(logits).filter((predicted, row) => predicted === labels[row]).length
    // Five standard errors of 200 examples.
    expect(Math.abs(correct / count - accuracy)).toBeLessThan(0.165)
    expect(gradient.data.every(Number.isFinite)).toBe(true)
    // The same bits in any batch, so that an example's outcome cannot depend on it.
    for (const [start, end] of [
      [0, 1],
      [1, 8],
      [100, 132],
      [100, 200],
    ] as const) {
      const part = await model.gradient(
        sliceRows(images, start, end),
        labels.slice(start, end),
        crossEntropy,
      )
      expect(part.logits.data).toEqual(sliceRows(logits, start, end).data)
      expect(part.gradient.data).toEqual(sliceRows(gradient, start, end).data)
    }
    await model.dispose()
  },
)

function normalized(images: FloatTensor): FloatTensor {
  return float32(
    images.shape,
    images.data.map(
      (value, i) => (value - mean[Math.floor(i / 1024) % 3]!) / std[Math.floor(i / 1024) % 3]!,
    ),
  )
}
