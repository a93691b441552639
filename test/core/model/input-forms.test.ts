/** Files with other inputs and outputs than images [n, c, h, w] in float32 and logits [n, k]. */
import { describe, expect, test } from 'vitest'
import { Session } from '../../../core/engine/graph/session.ts'
import { halfToNumber } from '../../../core/engine/tensor/half.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import {
  writeOnnx,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
} from '../../../core/engine/onnx/file.ts'
import {
  float32,
  tensor,
  type DType,
  type FloatTensor,
  type Tensor,
} from '../../../core/engine/tensor/tensor.ts'
import {
  int,
  ints,
  node,
  onnxGraph,
  randomTensor,
  sizes,
  tensorOf,
} from '../../support/onnx-file.ts'
import { load, loadBytes } from './load-graph.ts'

const weights = { v: randomTensor([12, 4], 'v'), flat: sizes(-1, 12), row: sizes(12) }
const layers = [node('Reshape', 'x flat', 'f'), node('MatMul', 'f v', 'z'), node('Tanh', 'z', 'y')]
const images = float32([3, 1, 3, 4], randomTensor([36], 'images').data.map(Math.abs))
const labels = Int32Array.of(0, 1, 2)
const shape = [1, 3, 4] as const

/** Logits and gradient of the network above for images [n, 1, 3, 4]. */
async function plain(): Promise<{ logits: FloatTensor; gradient: FloatTensor }> {
  const graph = onnxGraph({ input: ['n', 1, 3, 4], nodes: layers, initializers: weights })
  return (await load(graph)).gradient(images, labels, crossEntropy)
}

const close = { rtol: 1e-5, atol: 1e-6 }

const inputs: readonly (readonly (number | string)[])[] = [
  ['n', 12],
  ['n', 3, 4],
  ['n', 12, 1],
  ['n', 1, 12],
  [1, 12],
  [1, 3, 4],
  [2, 12],
  [3, 4],
  [12],
  [1, 1, 3, 4],
]

test.each(inputs.map((input) => ({ input })))('an input $input', async ({ input }) => {
  const expected = await plain()
  const model = await load(
    onnxGraph({ input, nodes: layers, initializers: weights }),
    {},
    { inputShape: shape },
  )
  expect(model.inputShape).toEqual(shape)
  const { logits, gradient } = await model.gradient(images, labels, crossEntropy)
  expect(logits.data).toBeAllclose(expected.logits.data, close)
  expect(gradient.data).toBeAllclose(expected.gradient.data, close)
  expect((await model.logits(images)).data).toEqual(logits.data)
})

test('an input without a shape has the given one', async () => {
  const graph = onnxGraph({ input: ['n', 1, 3, 4], nodes: layers, initializers: weights })
  const open = { ...graph, inputs: [{ name: 'x', dtype: 'float32' as const, shape: null }] }
  const expected = await plain()
  const model = await load(open, {}, { inputShape: shape })
  const { logits, gradient } = await model.gradient(images, labels, crossEntropy)
  expect(logits.data).toBeAllclose(expected.logits.data, close)
  expect(gradient.data).toBeAllclose(expected.gradient.data, close)
  await expect(load(open)).rejects.toThrow(
    'm.onnx: the input "x" has no shape; state the images\' shape (--shape channels,height,width)',
  )
})

test('an axis of size 0 is not an open one', async () => {
  const graph = onnxGraph({ input: ['n', 0, 3, 4], nodes: layers, initializers: weights })
  await expect(load(graph, {}, { inputShape: shape })).rejects.toThrow(
    'm.onnx: the input [n, 0, 3, 4] has an axis of size 0, so it takes no image; ' +
      'export the model with the sizes of its images',
  )
})

test('an input that does not match the images is refused', async () => {
  const graph = onnxGraph({ input: ['n', 5, 4], nodes: layers, initializers: weights })
  await expect(load(graph, {}, { inputShape: shape })).rejects.toThrowErrorMatchingInlineSnapshot(
    `[GraphError: m.onnx: the input is [n, 5, 4], which does not match images of [1, 3, 4] (channels, height, width)]`,
  )
})

test('an example without an axis for the batch can have logits of rank 1', async () => {
  const expected = await plain()
  const nodes = [node('Reshape', 'x flat', 'f'), node('MatMul', 'f v', 'z'), node('Tanh', 'z', 'y')]
  const graph = onnxGraph({ input: [12], nodes, initializers: { ...weights, flat: sizes(12) } })
  const model = await load(graph, {}, { inputShape: shape })
  const { logits, gradient } = await model.gradient(images, labels, crossEntropy)
  expect(logits.data).toBeAllclose(expected.logits.data, close)
  expect(gradient.data).toBeAllclose(expected.gradient.data, close)
  expect(model.remarks).toEqual([
    'the graph works for a fixed batch only, so it computes one example at a time; ' +
      'a file with a dynamic batch is faster',
  ])
})

/** The network above after a cast of its input, of that type. */
function castGraph(dtype: DType, cast: readonly OnnxNode[]): OnnxGraph {
  const nodes = [...cast, ...layers.map((item) => rename(item))]
  const graph = onnxGraph({ input: ['n', 1, 3, 4], nodes, initializers: weights })
  return { ...graph, inputs: [{ name: 'x', dtype, shape: ['n', 1, 3, 4] }] }
}

function rename(item: OnnxNode): OnnxNode {
  return { ...item, inputs: item.inputs.map((name) => (name === 'x' ? 'c' : name)) }
}

describe.each(['uint8', 'int32', 'int64', 'uint16'] as const)('an input of type %s', (dtype) => {
  test('gets rounded images, and gradients pass the rounding', async () => {
    const graph = castGraph(dtype, [node('Cast', 'x', 'c', { to: int(1) })])
    const model = await load(graph, { bounds: [0, 255] })
    const pixels = float32(
      images.shape,
      images.data.map((value) => value * 255),
    )
    const rounded = float32(images.shape, pixels.data.map(roundHalfToEven))
    const same = await load(
      onnxGraph({ input: ['n', 1, 3, 4], nodes: layers, initializers: weights }),
      {
        bounds: [0, 255],
      },
    )
    const [actual, expected] = [
      await model.gradient(pixels, labels, crossEntropy),
      await same.gradient(rounded, labels, crossEntropy),
    ]
    expect(actual.logits.data).toBeAllclose(expected.logits.data, close)
    expect(actual.gradient.data).toBeAllclose(expected.gradient.data, close)
    expect((await model.logits(pixels)).data).toEqual(actual.logits.data)
    expect(model.remarks[0]).toContain(`the input is ${dtype}: images are rounded to integers`)
  })
})

const integer = (value: number): OnnxAttribute =>
  tensorOf(tensor('int32', [], Int32Array.of(value)))

test.each([
  ['a second cast', [node('Cast', 'x', 'i', { to: int(6) })], 'i', (x: number) => x],
  [
    'arithmetic in int32',
    [
      node('Cast', 'x', 'i', { to: int(6) }),
      node('Constant', '', 'two', { value: integer(2) }),
      node('Constant', '', 'center', { value: integer(3) }),
      node('Mul', 'i two', 'double'),
      node('Sub', 'double center', 'j'),
    ],
    'j',
    (x: number) => 2 * x - 3,
  ],
  [
    'a choice of the larger in uint8',
    [
      node('Constant', '', 'low', { value: tensorOf(tensor('uint8', [], Uint8Array.of(2))) }),
      node('Max', 'x low', 'i'),
    ],
    'i',
    (x: number) => Math.max(x, 2),
  ],
])('gradients of integers pass %s', async (_title, before, end, compute) => {
  const graph = castGraph('uint8', [...before, node('Cast', end, 'c', { to: int(1) })])
  const model = await load(graph, { bounds: [0, 255] })
  const pixels = float32(
    images.shape,
    images.data.map((value) => Math.round(Math.abs(value) * 4)),
  )
  const { gradient, logits } = await model.gradient(pixels, labels, crossEntropy)
  const file = await Session.load(writeOnnx(graph))
  const expected = await file.run({
    x: tensor('uint8', pixels.shape, Uint8Array.from(pixels.data)),
  })
  await file.release()
  expect(logits.data).toBeAllclose(expected['y']!.data as Float32Array, close)
  // The same numbers as inputs of the rest of the file, times the slope of what is before it.
  const rest = await load(
    onnxGraph({ input: ['n', 1, 3, 4], nodes: layers, initializers: weights }),
    {
      bounds: [-99, 99],
    },
  )
  const inner = float32(pixels.shape, pixels.data.map(compute))
  const slopes = pixels.data.map((value) => compute(value + 1) - compute(value))
  const { gradient: after } = await rest.gradient(inner, labels, crossEntropy)
  expect(gradient.data).toBeAllclose(
    after.data.map((value, i) => value * slopes[i]!),
    close,
  )
  expect(gradient.data.some((value) => value !== 0)).toBe(true)
})

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  return value - floor === 0.5 ? 2 * Math.round(value / 2) : Math.round(value)
}

test('a uint8 file of pixels 0 to 255 accepts images in [0, 1] with a std of 1/255', async () => {
  const graph = castGraph('uint8', [node('Cast', 'x', 'c', { to: int(1) })])
  expect((await load(graph)).remarks[0]).toBe(
    'the input is uint8: images are rounded to integers before they enter the file, and gradients ' +
      'pass the rounding unchanged; if it expects 0 to 255, state --mean 0 --std 1/255',
  )
  const model = await load(graph, { mean: [0], std: [1 / 255] })
  const file = await Session.load(writeOnnx(graph))
  const pixels = Uint8Array.from(images.data, (value) => Math.round(value * 255))
  const expected = (await file.run({ x: tensor('uint8', images.shape, pixels) }))['y']!
  await file.release()
  expect((await model.logits(images)).data).toBeAllclose(expected.data as Float32Array, close)
})

test('an int8 file of pixels -128 to 127 accepts images in [0, 1] as its note says', async () => {
  const graph = castGraph('int8', [node('Cast', 'x', 'c', { to: int(1) })])
  expect((await load(graph)).remarks[0]).toContain(
    'if it expects -128 to 127, state --mean 128/255 --std 1/255',
  )
  const model = await load(graph, { mean: [128 / 255], std: [1 / 255] })
  const file = await Session.load(writeOnnx(graph))
  const pixels = Int8Array.from(images.data, (value) => Math.round(value * 255) - 128)
  const expected = (await file.run({ x: tensor('int8', images.shape, pixels) }))['y']!
  await file.release()
  expect((await model.logits(images)).data).toBeAllclose(expected.data as Float32Array, close)
})

test.each([
  ['int8', { bounds: [0, 255] }, '-128 to 127', '0 to 255'],
  ['uint8', { bounds: [-1, 1] }, '0 to 255', '-1 to 1'],
  ['uint8', { bounds: [0, 255], mean: [0], std: [1 / 255] }, '0 to 255', '0 to 65000'],
] as const)('images beyond the range of %s are refused', async (dtype, manifest, holds, reach) => {
  const graph = castGraph(dtype, [node('Cast', 'x', 'c', { to: int(1) })])
  await expect(load(graph, manifest)).rejects.toThrow(
    `m.onnx: the input is ${dtype}, which holds ${holds}, but the images that the file gets reach ` +
      `from ${reach}; check bounds, mean, and std (--bounds, --mean, --std)`,
  )
})

test('a file in double precision has its own logits and the gradient in float32', async () => {
  const expected = await plain()
  const { data } = weights.v
  const graph = onnxGraph({
    input: ['n', 1, 3, 4],
    nodes: layers,
    initializers: { ...weights, v: tensor('float64', [12, 4], Float64Array.from(data)) },
  })
  const model = await load({
    ...graph,
    inputs: [{ name: 'x', dtype: 'float64', shape: ['n', 1, 3, 4] }],
    outputs: [{ name: 'y', dtype: 'float64', shape: null }],
  })
  const { gradient } = await model.gradient(images, labels, crossEntropy)
  expect(gradient.data).toBeAllclose(expected.gradient.data, close)
  expect((await model.logits(images)).data).toBeAllclose(expected.logits.data, close)
  expect(model.remarks[0]).toContain('the file computes in float64')
})

test('a file in half precision has the logits of onnxruntime, bit for bit', async () => {
  const half = Uint16Array.from({ length: 48 }, (_, i) => 0x3000 + ((i * 977) % 0x900))
  const initializers: Record<string, Tensor> = {
    ...weights,
    v: tensor('float16', [12, 4], half),
  }
  const nodes = [
    node('Cast', 'x', 'h', { to: int(10) }),
    node('Reshape', 'h flat', 'f'),
    node('MatMul', 'f v', 'z'),
    node('Cast', 'z', 'y', { to: int(1) }),
  ]
  const graph = onnxGraph({ input: ['n', 1, 3, 4], nodes, initializers })
  const model = await load(graph)
  const file = await Session.load(writeOnnx(graph))
  expect((await model.logits(images)).data).toEqual((await file.run({ x: images }))['y']!.data)
  await file.release()
  const single = { ...weights, v: float32([12, 4], Float32Array.from(half, halfToNumber)) }
  const twin = await load(
    onnxGraph({
      input: ['n', 1, 3, 4],
      nodes: [node('Reshape', 'x flat', 'f'), node('MatMul', 'f v', 'y')],
      initializers: single,
    }),
  )
  const [actual, expected] = [
    await model.gradient(images, labels, crossEntropy),
    await twin.gradient(images, labels, crossEntropy),
  ]
  expect(actual.gradient.data).toBeAllclose(expected.gradient.data, close)
})

describe('a single logit', () => {
  const one = { ...weights, v: randomTensor([12, 1], 'v1') }
  const binary = Int32Array.of(0, 1, 1)
  const affine = [node('Reshape', 'x flat', 'f'), node('MatMul', 'f v', 'z')]
  const forms: Record<string, readonly OnnxNode[]> = {
    '[n, 1]': [...affine, node('Identity', 'z', 'y')],
    '[n]': [...affine, node('Squeeze', 'z axis', 'y')],
    'a probability': [...affine, node('Sigmoid', 'z', 'y')],
  }
  test.each(Object.entries(forms))('%s gets a zero beside it', async (_, nodes) => {
    const graph = onnxGraph({
      input: ['n', 1, 3, 4],
      nodes,
      initializers: { ...one, axis: sizes(1) },
    })
    const model = await load(graph, {}, { classes: 2 })
    const { logits, losses, gradient } = await model.gradient(images, binary, crossEntropy)
    const z = Array.from({ length: 3 }, (__, i) =>
      one.v.data.reduce((sum, value, k) => sum + value * images.data[12 * i + k]!, 0),
    )
    expect([...logits.data]).toBeAllclose(
      z.flatMap((value) => [0, value]),
      close,
    )
    // Binary cross-entropy, log(1 + eᶻ) − label·z, and its gradient (σ(z) − label)·v.
    expect([...losses]).toBeAllclose(
      z.map((value, i) => Math.log1p(Math.exp(value)) - binary[i]! * value),
      close,
    )
    expect([...gradient.data]).toBeAllclose(
      z.flatMap((value, i) =>
        Array.from(one.v.data, (v) => (1 / (1 + Math.exp(-value)) - binary[i]!) * v),
      ),
      close,
    )
    expect(model.remarks.at(-1)).toContain('a logit of 0 is put beside it')
  })
})

test('a score beside a label is taken as the single logit', async () => {
  const graph = onnxGraph({
    input: ['n', 1, 3, 4],
    nodes: [
      node('Reshape', 'x flat', 'f'),
      node('MatMul', 'f v', 'y'),
      node('Cast', 'y', 'label', { to: int(7) }),
    ],
    initializers: { ...weights, v: randomTensor([12, 1], 'v1') },
  })
  const outputs = [
    { name: 'label', dtype: 'int64' as const, shape: ['n', 1] },
    { name: 'y', dtype: 'float32' as const, shape: ['n', 1] },
  ]
  const model = await load({ ...graph, outputs })
  expect(model.classes).toBe(2)
  expect(model.remarks[0]).toContain('"y" is taken as the logits, the only one of that shape')
})

test('the probabilities before a ZipMap are taken', async () => {
  const nodes = [
    ...layers.slice(0, 2),
    node('Softmax', 'z', 'p', { axis: int(1) }),
    node('ArgMax', 'p', 'label', { axis: int(1), keepdims: int(0) }),
    node('ZipMap', 'p', 'y', { classlabels_int64s: ints(0, 1, 2, 3) }, 'ai.onnx.ml'),
  ]
  const graph = {
    ...onnxGraph({ input: ['n', 1, 3, 4], nodes, initializers: weights }),
    domains: ['ai.onnx.ml'],
    domainVersions: { 'ai.onnx.ml': 1 },
  }
  const outputs = [
    { name: 'label', dtype: 'int64' as const, shape: ['n'] },
    { name: 'y', dtype: null, shape: null, kind: 'sequence' },
  ]
  const bytes = await sequenceFile({ ...graph, outputs })
  const model = await loadBytes(bytes)
  const sums = (await model.logits(images)).data
  expect(sums.length).toBe(12)
  expect(sums.slice(0, 4).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5)
  expect(model.remarks[0]).toContain('the probabilities "p", which the file turns into maps')
})

/** The file with the type of its last output stated: a sequence of maps from int64 to float. */
async function sequenceFile(graph: OnnxGraph): Promise<Uint8Array> {
  const { create, fromBinary, toBinary } = await import('@bufbuild/protobuf')
  const { ModelProtoSchema, TypeProtoSchema } = await import('onnx-buf')
  const model = fromBinary(ModelProtoSchema, writeOnnx(graph))
  const float = { value: { case: 'tensorType' as const, value: { elemType: 1, shape: {} } } }
  const map = { value: { case: 'mapType' as const, value: { keyType: 7, valueType: float } } }
  model.graph!.output.at(-1)!.type = create(TypeProtoSchema, {
    value: { case: 'sequenceType', value: { elemType: map } },
  })
  return toBinary(ModelProtoSchema, model)
}

test('batch normalization of weights in training mode is not a model in training mode', async () => {
  const nodes = [
    node('BatchNormalization', 'w scale bias mean var', 's mean2 var2', { training_mode: int(1) }),
    node('Reshape', 's wide', 'v2'),
    node('Reshape', 'x flat', 'f'),
    node('MatMul', 'f v2', 'y'),
  ]
  const graph = onnxGraph({
    input: ['n', 1, 3, 4],
    nodes,
    initializers: {
      ...weights,
      w: randomTensor([1, 4, 12], 'w'),
      scale: float32([4], [1, 1, 1, 1]),
      bias: float32([4], [0, 0, 0, 0]),
      mean: float32([4], [0, 0, 0, 0]),
      var: float32([4], [1, 1, 1, 1]),
      wide: sizes(12, 4),
    },
  })
  const model = await load(graph)
  expect((await model.gradient(images, labels, crossEntropy)).gradient.shape).toEqual([3, 1, 3, 4])
})
