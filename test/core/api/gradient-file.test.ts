/** The gradient file of a linear classifier has the closed form of softmax regression. */
import { expect, test } from 'vitest'
import { gradientFile } from '../../../core/api/program/gradient-file.ts'
import { inspectModel } from '../../../core/api/program/inspect-model.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import { readOnnx, writeOnnx } from '../../../core/engine/onnx/file.ts'
import { float32, int64, tensor, type FloatTensor } from '../../../core/engine/tensor/tensor.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import { node, onnxGraph, randomTensor } from '../../support/onnx-file.ts'

const std = 0.25
const classes = 5
const weights = randomTensor([48, classes], 'v')

function linearFile(input: readonly (number | string)[]): Uint8Array {
  const nodes = [node('Flatten', 'x', 'f'), node('MatMul', 'f v', 'y')]
  return writeOnnx(onnxGraph({ input, nodes, initializers: { v: weights } }))
}

/** Logits z = Vᵀx / std, losses log Σ eᶻ − z_y, gradients V (softmax(z) − e_y) / std. */
function softmaxRegression(x: FloatTensor, labels: readonly number[]) {
  const rows = labels.length
  const size = 48
  const logits = new Float32Array(rows * classes)
  const losses = new Float32Array(rows)
  const gradient = new Float32Array(rows * size)
  for (let n = 0; n < rows; n++) {
    const own = Array.from({ length: classes }, (_, k) => {
      let sum = 0
      for (let i = 0; i < size; i++) sum += x.data[n * size + i]! * weights.data[i * classes + k]!
      return sum / std
    })
    const total = own.reduce((sum, value) => sum + Math.exp(value), 0)
    logits.set(own, n * classes)
    losses[n] = Math.log(total) - own[labels[n]!]!
    for (let i = 0; i < size; i++) {
      gradient[n * size + i] = own.reduce(
        (sum, value, k) =>
          sum +
          (weights.data[i * classes + k]! * (Math.exp(value) / total - Number(k === labels[n]))) /
            std,
        0,
      )
    }
  }
  return { logits, losses, gradient }
}

test.each([
  ['NCHW', ['n', 3, 4, 4]],
  ['NHWC', ['n', 4, 4, 3]],
  ['NCHW', ['n', 48]],
] as const)('%s %j', async (layout, input) => {
  const file = await gradientFile(
    linearFile(input),
    { ...plainManifest, layout, std: [std, std, std] },
    { inputShape: [3, 4, 4] },
  )
  expect(new Set(readOnnx(file, 'g').nodes.map(({ domain }) => domain))).toEqual(new Set(['']))
  const session = await Session.load(file)
  const x = randomTensor([2, ...(input.slice(1) as number[])], 'x')
  const labels = [3, 0]
  const { logits, losses, gradient } = await session.run({ x, labels: int64([2], labels) })
  const expected = softmaxRegression(x, labels)
  // Sums of 48 products in float32.
  const tolerance = { rtol: 1e-5, atol: 1e-5 }
  expect(logits!.data).toBeAllclose(expected.logits, tolerance)
  expect(losses!.data).toBeAllclose(expected.losses, tolerance)
  expect(gradient!.shape).toEqual(x.shape)
  expect(gradient!.data).toBeAllclose(expected.gradient, tolerance)
  await session.release()
})

test('a model that draws random numbers is refused', async () => {
  const nodes = [
    node('RandomNormalLike', 'x', 'r'),
    node('Add', 'x r', 'a'),
    node('Flatten', 'a', 'f'),
    node('MatMul', 'f v', 'y'),
  ]
  const bytes = writeOnnx(onnxGraph({ input: ['n', 3, 4, 4], nodes, initializers: { v: weights } }))
  await expect(gradientFile(bytes, plainManifest, { name: 'm.onnx' })).rejects.toThrow(
    'm.onnx: RandomNormalLike "RandomNormalLike_r" draws random numbers, so a file with its ' +
      'gradient would not repeat its results; export the model without it',
  )
})

test('dropout that is left on is named', async () => {
  const nodes = [
    node('Dropout', 'x ratio on', 'd'),
    node('Flatten', 'd', 'f'),
    node('MatMul', 'f v', 'y'),
  ]
  const initializers = {
    v: weights,
    ratio: float32([], [0.5]),
    on: tensor('bool', [], Uint8Array.of(1)),
  }
  const bytes = writeOnnx(onnxGraph({ input: ['n', 3, 4, 4], nodes, initializers }))
  await expect(gradientFile(bytes, plainManifest, { name: 'm.onnx' })).rejects.toThrow(
    'm.onnx: Dropout "Dropout_d" is in training mode, so a file with its gradient would not ' +
      'repeat its results; call model.eval() before exporting',
  )
})

test.each([NaN, Infinity])('weights that are %s are refused', async (weight) => {
  const nodes = [node('Flatten', 'x', 'f'), node('MatMul', 'f v', 'y')]
  const v = float32([48, classes], weights.data.with(0, weight))
  const bytes = writeOnnx(onnxGraph({ input: ['n', 3, 4, 4], nodes, initializers: { v } }))
  await expect(gradientFile(bytes, plainManifest, { name: 'm.onnx' })).rejects.toThrow(
    `m.onnx: logit 0 of row 0 in the batch is ${weight}; a model with non-finite logits cannot be ` +
      'evaluated: check its normalization (mean, std) and its weights',
  )
})

test('a gradient that is not finite is refused, also by inspect', async () => {
  // The derivative of the root is infinite at 0, and the logits are finite.
  const nodes = [
    node('Sub', 'x x', 'zero'),
    node('Sqrt', 'zero', 's'),
    node('Add', 'x s', 'a'),
    node('Flatten', 'a', 'f'),
    node('MatMul', 'f v', 'y'),
  ]
  const bytes = writeOnnx(onnxGraph({ input: ['n', 3, 4, 4], nodes, initializers: { v: weights } }))
  const reason =
    'm.onnx: the gradient of a random image is NaN or infinite in 48 of 48 components, so no ' +
    'attack can follow it; look for square roots, logarithms, and divisions at 0'
  const options = { name: 'm.onnx' }
  await expect(gradientFile(bytes, plainManifest, options)).rejects.toThrow(reason)
  const { gradient } = await inspectModel(bytes, plainManifest, options)
  expect(gradient).toEqual({ available: false, reason })
})
