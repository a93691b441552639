/** Models on TensorFlow.js: agreement with onnxruntime and with its own differentiation. */
import { join } from 'node:path'
import { registerGradient } from '@tensorflow/tfjs-core'
import { batchMatMulGradConfig } from '@tensorflow/tfjs-core/dist/gradients/BatchMatMul_grad.js'
import { castGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Cast_grad.js'
import { conv2DGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Conv2D_grad.js'
import { expGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Exp_grad.js'
import { logGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Log_grad.js'
import { maxGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Max_grad.js'
import { maxPoolGradConfig } from '@tensorflow/tfjs-core/dist/gradients/MaxPool_grad.js'
import { multiplyGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Multiply_grad.js'
import { reluGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Relu_grad.js'
import { reshapeGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Reshape_grad.js'
import { subGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Sub_grad.js'
import { sumGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Sum_grad.js'
import { tanhGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Tanh_grad.js'
import { transposeGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Transpose_grad.js'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../../../core/base/paths.ts'
import { gradient } from '../../../../../core/engine/graph/gradient.ts'
import { g } from '../../../../../core/engine/graph/graph.ts'
import { Session } from '../../../../../core/engine/graph/session.ts'
import { activate, openTfjs, type Tf } from '../../../../../core/engine/graph/tfjs/backend.ts'
import { int64, type FloatTensor } from '../../../../../core/engine/tensor/tensor.ts'
import { drawTestImages } from '../../../../../core/model/import-parity.ts'
import { loadModel } from '../../../../../core/model/load.ts'
import { crossEntropy } from '../../../../../core/model/losses.ts'
import { readModelFile } from '../../../../../core/model/model-files.ts'
import { node, onnxGraph, randomTensor } from '../../../../support/onnx-file.ts'
import { writeOnnx } from '../../../../../core/engine/onnx/file.ts'

/** float32 sums in another order, relative to the largest value. */
const tolerance = 1e-4

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

function expectClose(actual: FloatTensor, expected: FloatTensor): void {
  expect(actual.shape).toEqual(expected.shape)
  const atol = tolerance * largest(expected.data)
  expect(actual.data).toBeAllclose(expected.data, { rtol: 0, atol })
}

test.each(['quickstart-pgd-at', 'cifar10-standard'])('%s', async (id) => {
  const path = join(packageRoot(), 'models', `${id}.onnx`)
  const { bytes, card } = await readModelFile(path, 'models')
  const reference = await loadModel(bytes, card.manifest)
  const tested = await loadModel(bytes, card.manifest, { device: 'tfjs' })
  const images = drawTestImages(reference.inputShape, reference.bounds, 3)
  const labels = Int32Array.of(0, 1, 2)
  expectClose(await tested.logits(images), await reference.logits(images))
  const [actual, expected] = [
    await tested.gradient(images, labels, crossEntropy),
    await reference.gradient(images, labels, crossEntropy),
  ]
  expectClose(actual.gradient, expected.gradient)
  await reference.dispose()
  await tested.dispose()
})

const weights = {
  first: randomTensor([6, 3, 3, 3], 'first'),
  second: randomTensor([8, 6, 3, 3], 'second'),
  dense: randomTensor([32, 5], 'dense'),
}

const rules = [
  batchMatMulGradConfig,
  castGradConfig,
  conv2DGradConfig,
  expGradConfig,
  logGradConfig,
  maxGradConfig,
  maxPoolGradConfig,
  multiplyGradConfig,
  reluGradConfig,
  reshapeGradConfig,
  subGradConfig,
  sumGradConfig,
  tanhGradConfig,
  transposeGradConfig,
]

/** Cross-entropy of a network with two convolutions, max pooling, and a dense layer, in tfjs. */
function tfjsGradient(tf: Tf, { data, shape }: FloatTensor, labels: number[]): Float32Array {
  const filter = ({ data: values, shape: sizes }: FloatTensor) =>
    tf.transpose(tf.tensor4d(values, sizes as [number, number, number, number]), [2, 3, 1, 0])
  const [first, second] = [filter(weights.first), filter(weights.second)]
  const dense = tf.tensor2d(weights.dense.data, [32, 5])
  const loss = tf.grad((images) => {
    const rows = tf.transpose(images, [0, 2, 3, 1]) as ReturnType<Tf['tensor4d']>
    const a = tf.maxPool(tf.relu(tf.conv2d(rows, first as never, 1, 'same')), 2, 2, 'valid')
    const b = tf.tanh(
      tf.conv2d(a, second as never, 2, [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ]),
    )
    const flat = tf.reshape(tf.transpose(b, [0, 3, 1, 2]), [-1, 32])
    const logits = tf.matMul(flat, dense)
    const hot = tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), 5), 'float32')
    const own = tf.sum(tf.mul(logits, hot), 1)
    return tf.sum(tf.sub(tf.log(tf.sum(tf.exp(logits), 1)), own))
  })
  return loss(tf.tensor(data, [...shape])).dataSync() as Float32Array
}

test('the gradient of a network is that of TensorFlow.js', async () => {
  const { tf } = await openTfjs()
  for (const rule of rules) registerGradient(rule)
  const x = g.input('x', 'float32', ['n', 3, 8, 8])
  const pads = [1, 1, 1, 1]
  const a = g.op('MaxPool', [g.relu(g.conv(x, g.constant(weights.first), null, { pads }))], {
    kernel_shape: [2, 2],
    strides: [2, 2],
  })[0]!
  const [b] = g.op('Tanh', [g.conv(a, g.constant(weights.second), null, { pads, strides: [2, 2] })])
  const logits = g.matMul(g.op('Flatten', [b!])[0]!, g.constant(weights.dense))
  const labels = g.input('labels', 'int64', ['n'])
  const [slope] = gradient(crossEntropy(logits, labels), [x])
  const images = randomTensor([3, 3, 8, 8], 'images')
  const chosen = [4, 0, 2]
  const expected = tfjsGradient(tf, images, chosen)
  for (const device of ['cpu', 'tfjs']) {
    const session = await Session.compile({ slope: slope! }, [x, labels], { device })
    const result = await session.run({ x: images, labels: int64([3], chosen) })
    const atol = tolerance * largest(expected)
    expect(result['slope']!.data as Float32Array, device).toBeAllclose(expected, { rtol: 0, atol })
    await session.release()
  }
})

test('a run leaves no tensor behind', async () => {
  const { tf } = await openTfjs()
  const before = tf.memory().numTensors
  const x = g.input('x', 'float32', ['n', 3, 8, 8])
  const y = g.conv(x, g.constant(weights.first))
  const [slope] = gradient(y, [x])
  const session = await Session.compile({ y, x, slope: slope! }, [x], { device: 'tfjs' })
  await session.run({ x: randomTensor([2, 3, 8, 8], 'x') })
  await session.release()
  expect(tf.memory().numTensors).toBe(before)
})

test('lists all operators and types that it lacks', async () => {
  const x = g.input('x', 'float32', ['n', 2, 4, 4, 4])
  const half = g.cast(
    g.op('Conv', [x, g.constant(randomTensor([2, 2, 1, 1, 1], 'w'))])[0]!,
    'float16',
  )
  await expect(Session.compile({ half }, [x], { device: 'tfjs' }, 'm.onnx')).rejects.toThrow(
    'm.onnx: engine tfjs lacks Conv over 3 axes, type float16; use --engine onnxruntime',
  )
})

test('a file without a gradient does not run on another engine', async () => {
  const nodes = [
    node('NonZero', 'x', 'z'),
    node('Cast', 'z', 'c', { to: { type: 'int', value: 1 } }),
  ]
  const rest = [node('ReduceSum', 'c', 's'), node('Flatten', 'x', 'f'), node('Add', 'f s', 'y')]
  const bytes = writeOnnx(onnxGraph({ input: [1, 1, 2, 2], nodes: [...nodes, ...rest] }))
  const manifest = { bounds: [0, 1], layout: 'NCHW' } as const
  await expect(loadModel(bytes, manifest, { name: 'm.onnx', device: 'tfjs' })).rejects.toThrow(
    /^engine tfjs runs imported graphs only: m\.onnx: .*NonZero/,
  )
})

test('a missing package is named with the line that installs it', async () => {
  const line =
    'install it with: npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-wasm ' +
    '(or @tensorflow/tfjs-node, or @tensorflow/tfjs-node-gpu)'
  await expect(activate(async () => undefined)).rejects.toThrow(
    `engine tfjs: TensorFlow.js is missing; ${line}`,
  )
  const { tf } = await openTfjs()
  const coreOnly = async (name: string) => (name.endsWith('core') ? tf : undefined)
  await expect(activate(coreOnly)).rejects.toThrow(`engine tfjs: it has no back-end; ${line}`)
})
