/** Quantized files: logits are those of onnxruntime, gradients pass rounding. */
import { afterEach, describe, expect, test } from 'vitest'
import { g } from '../../../core/engine/graph/graph.ts'
import { Session } from '../../../core/engine/graph/session.ts'
import { writeOnnx, type OnnxGraph } from '../../../core/engine/onnx/file.ts'
import { float32, sliceRows, tensor, type Tensor } from '../../../core/engine/tensor/tensor.ts'
import { loadModel } from '../../../core/model/load.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import { plainManifest } from '../../../core/model/manifest.ts'
import type { ClassifierModel } from '../../../core/model/classifier.ts'
import { ints, node, onnxGraph, randomTensor } from '../../support/onnx-file.ts'

const labels = Int32Array.of(0, 1, 2, 3)
const images = randomTensor([4, 2, 3, 3], 'images')
const open: ClassifierModel[] = []
afterEach(async () => {
  for (const model of open.splice(0)) await model.dispose()
})

const byte = (value: number): Tensor => tensor('uint8', [], Uint8Array.of(value))
const signed = (shape: readonly number[]): Tensor => {
  const length = shape.reduce((size, dim) => size * dim, 1)
  return tensor(
    'int8',
    shape,
    Int8Array.from({ length }, (_, i) => ((i * 53) % 255) - 127),
  )
}
const shared = {
  v: randomTensor([18, 5], 'v'),
  xs: float32([], [0.008]),
  xz: byte(127),
  zero: tensor('int8', [], Int8Array.of(0)),
  w: signed([2, 2, 3, 3]),
  ws: float32([], [0.004]),
  hs: float32([], [0.02]),
  hz: byte(0),
}
const pads = { pads: ints(1, 1, 1, 1) }
const head = [node('Flatten', 'h', 'flat'), node('MatMul', 'flat v', 'y')]
/** Conv, ReLU, and a dense layer; the zero point 0 of the hidden layer is its ReLU. */
const forms: Record<string, OnnxGraph['nodes']> = {
  QDQ: [
    node('QuantizeLinear', 'x xs xz', 'q'),
    node('DequantizeLinear', 'q xs xz', 'd'),
    node('DequantizeLinear', 'w ws zero', 'wd'),
    node('Conv', 'd wd', 'c', pads),
    node('QuantizeLinear', 'c hs hz', 'r'),
    node('DequantizeLinear', 'r hs hz', 'h'),
    ...head,
  ],
  QOperator: [
    node('QuantizeLinear', 'x xs xz', 'q'),
    node('QLinearConv', 'q xs xz w ws zero hs hz', 'r', pads),
    node('DequantizeLinear', 'r hs hz', 'h'),
    ...head,
  ],
  dynamic: [
    node('DynamicQuantizeLinear', 'x', 'q s z'),
    node('ConvInteger', 'q w z', 'i', pads),
    node('Cast', 'i', 'f', { to: { type: 'int', value: 1 } }),
    node('Mul', 's ws', 'scales'),
    node('Mul', 'f scales', 'c'),
    node('Relu', 'c', 'h'),
    ...head,
  ],
}
const plain = [
  node('DequantizeLinear', 'w ws zero', 'wd'),
  node('Conv', 'x wd', 'c', pads),
  node('Relu', 'c', 'h'),
  ...head,
]

function file(nodes: OnnxGraph['nodes'], batch: number | string = 'n'): OnnxGraph {
  return onnxGraph({ input: [batch, 2, 3, 3], nodes, initializers: shared })
}

async function load(graph: OnnxGraph): Promise<ClassifierModel> {
  const model = await loadModel(
    writeOnnx(graph),
    { ...plainManifest, bounds: [-1, 1] },
    { name: 'm.onnx' },
  )
  open.push(model)
  return model
}

describe.each(Object.entries(forms))('%s', (name, nodes) => {
  test('has the logits of its file, one example at a time where scales are dynamic', async () => {
    const model = await load(file(nodes))
    const session = await Session.load(writeOnnx(file(nodes)))
    const run = async (rows: typeof images): Promise<number[]> =>
      Array.from((await session.run({ x: rows }))['y']!.data as Float32Array)
    const single = await Promise.all([0, 1, 2, 3].map((i) => run(sliceRows(images, i, i + 1))))
    const expected = name === 'dynamic' ? single.flat() : await run(images)
    await session.release()
    expect([...(await model.logits(images)).data]).toEqual(expected)
  })
  test('has the gradient of the file without rounding, within the steps', async () => {
    const quantized = await load(file(nodes))
    const exact = await load(file(plain))
    const ours = await quantized.gradient(images, labels, crossEntropy)
    const theirs = await exact.gradient(images, labels, crossEntropy)
    const product = (a: Float32Array, b: Float32Array): number =>
      a.reduce((sum, value, i) => sum + value * b[i]!, 0)
    const [a, b] = [ours.gradient.data, theirs.gradient.data]
    const cosine = product(a, b) / Math.sqrt(product(a, a) * product(b, b))
    // Rounding moves ReLUs that are within half a step of 0.
    expect(cosine).toBeGreaterThan(0.97)
    expect(cosine).toBeLessThan(1)
  })
  test('gives an example the same gradient in any batch', async () => {
    const model = await load(file(nodes))
    const { gradient } = await model.gradient(images, labels, crossEntropy)
    const alone = await model.gradient(sliceRows(images, 2, 3), labels.slice(2, 3), crossEntropy)
    expect([...alone.gradient.data]).toEqual([...sliceRows(gradient, 2, 3).data])
  })
})

test('the remark names operators, and why a file runs one example at a time', async () => {
  const remarks = []
  for (const nodes of Object.values(forms)) remarks.push(...(await load(file(nodes))).remarks)
  expect(remarks).toMatchInlineSnapshot(`
    [
      "the file is quantized (4 operators: DequantizeLinear, QuantizeLinear); logits are those of the file in onnxruntime, and gradients pass rounding as straight-through estimates",
      "the file is quantized (3 operators: DequantizeLinear, QLinearConv, QuantizeLinear); logits are those of the file in onnxruntime, and gradients pass rounding as straight-through estimates",
      "the file is quantized (2 operators: ConvInteger, DynamicQuantizeLinear); its scales depend on the batch, so it is evaluated one example at a time; logits are those of the file in onnxruntime, and gradients pass rounding as straight-through estimates",
    ]
  `)
  expect((await load(file(plain))).remarks).toEqual([])
})

test('clipping keeps its derivative: 1 within the range of the integers, 0 outside', async () => {
  const identity = [
    node('Flatten', 'x', 'flat'),
    node('QuantizeLinear', 'flat s z', 'q'),
    node('DequantizeLinear', 'q s z', 'd'),
    node('MatMul', 'd v', 'y'),
  ]
  const graph = onnxGraph({
    input: ['n', 1, 1, 4],
    nodes: identity,
    initializers: {
      s: float32([], [0.5]),
      z: byte(100),
      v: float32([4, 2], [1, 0, 1, 0, 1, 0, 1, 0]),
    },
  })
  const model = await loadModel(
    writeOnnx(graph),
    { ...plainManifest, bounds: [-100, 100] },
    { name: 'm.onnx' },
  )
  open.push(model)
  // The range is −50 to 77.5.
  const points = float32([1, 1, 1, 4], [-50.1, -51, 77.6, 80])
  const { gradient } = await model.gradient(points, Int32Array.of(0), (logits) =>
    g.reduceSum(logits, [1]),
  )
  expect([...gradient.data]).toEqual([1, 0, 1, 0])
})

test('a fixed batch with a scale of the whole batch is refused', async () => {
  await expect(load(file(forms['dynamic']!, 4))).rejects.toThrow(
    'DynamicQuantizeLinear "DynamicQuantizeLinear_q" takes its scale from the whole batch',
  )
})
