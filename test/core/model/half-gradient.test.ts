/** Gradients and logits of passes in half precision. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../core/base/paths.ts'
import { gradient } from '../../../core/engine/graph/gradient.ts'
import { g } from '../../../core/engine/graph/graph.ts'
import { toOnnx } from '../../../core/engine/graph/serialize.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import { float32, int64 } from '../../../core/engine/tensor/tensor.ts'
import { cautiousLogits, scaledGradient } from '../../../core/model/half-gradient.ts'
import { loadModel } from '../../../core/model/load.ts'
import {
  crossEntropy,
  dlr,
  dlrTargeted,
  margin,
  targetedMargin,
} from '../../../core/model/losses.ts'
import { plainManifest, type ModelManifest } from '../../../core/model/manifest.ts'
import { randomTensor } from '../../support/onnx-file.ts'

const pixels = g.input('pixels', 'float32', ['n', 1, 28, 28])
const weights = randomTensor([784, 10], 'weights')
const logits = g.matMul(g.reshape(pixels, [-1, 784]), g.constant(weights))
const labels = g.input('labels', 'int64', ['n'])
const targets = g.input('targets', 'int64', ['n'])
const bright = randomTensor([4, 1, 28, 28], 'images')
const images = { ...bright, data: bright.data.map((value) => Math.abs(value) % 1) }

test.each([
  ['crossEntropy', crossEntropy],
  ['dlr', dlr],
  ['dlrTargeted', dlrTargeted],
] as const)('in float32, the scaled gradient of %s is the gradient', async (_, loss) => {
  const losses = loss(logits, labels, targets)
  const [plain] = gradient(losses, [pixels])
  const scaled = scaledGradient(losses, logits, pixels, {})
  const session = await Session.compile({ plain: plain!, scaled }, [pixels, labels, targets])
  const found = await session.run({
    pixels: images,
    labels: int64([4], [0, 1, 2, 3]),
    targets: int64([4], [4, 5, 6, 7]),
  })
  await session.release()
  expect(largestError(found['scaled']!.data, found['plain']!.data)).toBeLessThan(1e-6)
})

test.each([1e-12, 1e12])('neither vanishes nor overflows for a loss times %s', async (factor) => {
  const file = toOnnx({ logits }, [pixels])
  const model = await loadModel(file, plainManifest, { device: 'cpu/float16' })
  const classes = Int32Array.from([0, 1, 2, 3])
  const { logits: found, gradient: slope } = await model.gradient(images, classes, (z, y) =>
    g.mul(margin(z, y), factor),
  )
  await model.dispose()
  for (const label of classes) {
    const own = Array.from(found.data.subarray(10 * label, 10 * label + 10))
    const others = own.map((value, k) => (k === label ? -Infinity : value))
    const rival = others.indexOf(Math.max(...others))
    const exact = Float64Array.from(
      { length: 784 },
      (_, pixel) =>
        factor * (weights.data[10 * pixel + rival]! - weights.data[10 * pixel + label]!),
    )
    const row = slope.data.subarray(784 * label, 784 * label + 784)
    expect(largestError(row, exact)).toBeLessThan(1e-3)
  }
})

test('logits for decisions are those of a model that is a little surer', async () => {
  const given = g.input('given', 'float32', ['n', 3])
  const feeds = {
    given: float32([2, 3], [1, 256, -512, 3, 2, 1]),
    labels: int64([2], [0, 1]),
    targets: int64([2], [2, 0]),
  }
  const run = async (losses: typeof given): Promise<number[]> => {
    const cautious = cautiousLogits({ logits: given, losses }, labels, targets)
    const session = await Session.compile({ cautious, losses }, [given, labels, targets])
    const found = await session.run(feeds)
    await session.release()
    return Array.from(found['cautious']!.data, Number)
  }
  // 512 / 256 = 2 is added to the label; 3 / 256 in the second row.
  expect(await run(crossEntropy(given, labels))).toEqual([3, 256, -512, 3, 2 + 3 / 256, 1])
  expect(await run(targetedMargin(given, labels, targets))).toEqual([
    3,
    256,
    -514,
    3 - 3 / 256,
    2 + 3 / 256,
    1,
  ])
})

test('a shipped model has nearly the same gradient, and the same predictions', async () => {
  const path = join(packageRoot(), 'models', 'cifar10-pgd-at.onnx')
  const { manifest } = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as {
    manifest: ModelManifest
  }
  const bytes = new Uint8Array(readFileSync(path))
  const half = await loadModel(bytes, manifest, { device: 'cpu/float16' })
  const single = await loadModel(bytes, manifest)
  const noise = randomTensor([8, 3, 32, 32], 'noise')
  const inputs = { ...noise, data: noise.data.map((value) => Math.abs(value) % 1) }
  expect(await half.logits(inputs)).toEqual(await single.logits(inputs))
  const classes = Int32Array.from([0, 1, 2, 3, 4, 5, 6, 7])
  const a = await half.gradient(inputs, classes, crossEntropy)
  const b = await single.gradient(inputs, classes, crossEntropy)
  expect(cosine(a.gradient.data, b.gradient.data)).toBeGreaterThan(0.999)
  expect(largestError(a.losses, b.losses)).toBeLessThan(0.01)
  await half.dispose()
  await single.dispose()
})

/** The largest difference, relative to the largest expected number. */
function largestError(
  found: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
): number {
  let [error, largest] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    error = Math.max(error, Math.abs(Number(found[i]) - Number(expected[i])))
    largest = Math.max(largest, Math.abs(Number(expected[i])))
  }
  return error / largest
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!
    aa += a[i]! ** 2
    bb += b[i]! ** 2
  }
  return dot / Math.sqrt(aa * bb)
}
