/** Files whose logits depend on the other images of a batch are refused, with the cause. */
import { expect, test } from 'vitest'
import { loadModel } from '../../../core/model/load.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import { writeOnnx, type OnnxNode } from '../../../core/engine/onnx/file.ts'
import { float32, int64, tensor, type Tensor } from '../../../core/engine/tensor/tensor.ts'
import { int, ints, node, onnxGraph, randomTensor, sizes } from '../../support/onnx-file.ts'

const head = { v: randomTensor([48, 5], 'v') }
const logits = [node('Flatten', 'x', 'flat'), node('MatMul', 'flat v', 'logits')]
const perChannel = (value: number): Tensor => float32([3], [value, value, value])
const statistics = { s: perChannel(1), b: perChannel(0), m: perChannel(0.5), w: perChannel(0.1) }

/** Loads a file with logits of images [n, 3, 4, 4]. Returns its remarks. */
async function load(
  nodes: readonly OnnxNode[],
  initializers: Readonly<Record<string, Tensor>> = {},
  batch: number | string = 'n',
): Promise<readonly string[]> {
  const parts = { input: [batch, 3, 4, 4], nodes, initializers: { ...head, ...initializers } }
  const model = await loadModel(writeOnnx(onnxGraph(parts)), plainManifest, { name: 'm.onnx' })
  await model.dispose()
  return model.remarks
}

const normalized = (training: number): OnnxNode[] => [
  node('BatchNormalization', 'x s b m w', training ? 'z rm rv' : 'z', {
    training_mode: int(training),
  }),
  node('Flatten', 'z', 'flat'),
]

test('batch normalization in training mode', async () => {
  const nodes = [...normalized(1), node('MatMul', 'flat v', 'y')]
  const message =
    'm.onnx: BatchNormalization "BatchNormalization_z" is in training mode (training_mode = 1): ' +
    'the logits of an image depend on the other images of its batch; ' +
    'call model.eval() before exporting'
  await expect(load(nodes, statistics)).rejects.toThrow(message)
  // A fixed batch of 1 hides the effect, not the mistake.
  await expect(load(nodes, statistics, 1)).rejects.toThrow(message)
})

test('batch normalization in inference mode loads without a remark', async () => {
  expect(await load([...normalized(0), node('MatMul', 'flat v', 'y')], statistics)).toEqual([])
})

const dropout = node('Dropout', 'flat ratio training', 'dropped')
const on = { ratio: float32([], [0.5]), training: tensor('bool', [], Uint8Array.of(1)) }

test('dropout in training mode is named', async () => {
  const nodes = [node('Flatten', 'x', 'flat'), dropout, node('MatMul', 'dropped v', 'y')]
  expect(await load(nodes, on)).toEqual([
    'Dropout "Dropout_dropped" is in training mode, so the model is random; ' +
      'if that is not part of the defense, call model.eval() before exporting',
  ])
  const both = [...normalized(1), dropout, node('MatMul', 'dropped v', 'y')]
  await expect(load(both, { ...on, ...statistics })).rejects.toThrow(
    'is in training mode (training_mode = 1), and so is Dropout "Dropout_dropped": ',
  )
})

test('dropout in inference mode loads without a remark', async () => {
  const off = { ...on, training: tensor('bool', [], Uint8Array.of(0)) }
  const nodes = [node('Flatten', 'x', 'flat'), dropout, node('MatMul', 'dropped v', 'y')]
  expect(await load(nodes, off)).toEqual([])
})

test('a reduction over the batch axis whose effect is below rounding is still found', async () => {
  const nodes = [
    ...logits,
    node('ReduceMean', 'logits', 'mean', { axes: { type: 'ints', value: [0] } }),
    node('Mul', 'mean tiny', 'small'),
    node('Add', 'logits small', 'y'),
  ]
  await expect(load(nodes, { tiny: float32([], [1e-6]) })).rejects.toThrow(
    'm.onnx: ReduceMean "ReduceMean_mean" computes over the batch axis, ' +
      'so outcomes would depend on the batch size; call model.eval() before exporting, ' +
      'or export a model that computes each example on its own',
  )
})

test('a normalization whose default axes include the batch is named', async () => {
  const nodes = [
    node('MeanVarianceNormalization', 'x', 'normal'),
    node('Mul', 'normal tiny', 'small'),
    node('Add', 'x small', 'z'),
    node('Flatten', 'z', 'flat'),
    node('MatMul', 'flat v', 'y'),
  ]
  await expect(load(nodes, { tiny: float32([], [1e-6]) })).rejects.toThrow(
    'm.onnx: MeanVarianceNormalization "MeanVarianceNormalization_normal" ' +
      'computes over the batch axis, so outcomes would depend on the batch size',
  )
  const within = node('MeanVarianceNormalization', 'x', 'normal', { axes: ints(1, 2, 3) })
  expect(await load([within, ...nodes.slice(1)], { tiny: float32([], [1e-6]) })).toEqual([])
})

const mixing: [string, OnnxNode[], Record<string, Tensor>][] = [
  ['softmax over the batch', [...logits, node('Softmax', 'logits', 'y', { axis: int(0) })], {}],
  [
    'differences to the first example',
    [...logits, node('Gather', 'logits zero', 'first'), node('Sub', 'logits first', 'y')],
    { zero: int64([1], [0]) },
  ],
  [
    'an operator without a gradient',
    [...logits, node('CumSum', 'logits axis', 'y')],
    { axis: int64([], [0]) },
  ],
]

test.each(mixing)('%s', async (_, nodes, initializers) => {
  await expect(load(nodes, initializers)).rejects.toThrow(
    /with the other images of its batch, so outcomes/,
  )
})

test.each([1, -1])('a running sum along axis %i is no false alarm', async (axis) => {
  const nodes = [...logits, node('CumSum', 'logits axis', 'y')]
  expect(await load(nodes, { axis: int64([], [axis]) })).toEqual([])
})

test('reductions within an example are no false alarm', async () => {
  const within = [
    node('ReduceMean', 'x', 'mean', { axes: { type: 'ints', value: [1, 2, 3] } }),
    node('Sub', 'x mean', 'centered'),
    node('Reshape', 'centered rows', 'merged'),
    node('Softmax', 'merged', 'shares', { axis: int(1) }),
    node('Reshape', 'shares back', 'flat'),
    node('MatMul', 'flat v', 'y'),
  ]
  expect(await load(within, { rows: sizes(-1, 16), back: sizes(-1, 48) })).toEqual([])
})
