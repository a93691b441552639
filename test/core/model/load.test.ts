/** A loaded classifier has the logits of its file in onnxruntime; errors give the reason. */
import { describe, expect, test } from 'vitest'
import { Session } from '../../../core/engine/graph/session.ts'
import { type LoadModelOptions } from '../../../core/model/load.ts'
import { crossEntropy } from '../../../core/model/losses.ts'
import { type ModelManifest } from '../../../core/model/manifest.ts'
import { writeOnnx, type OnnxGraph } from '../../../core/engine/onnx/file.ts'
import {
  float32,
  int64,
  sizeOf,
  sliceRows,
  tensor,
  type FloatTensor,
} from '../../../core/engine/tensor/tensor.ts'
import {
  float,
  int,
  ints,
  node,
  onnxGraph,
  randomTensor,
  sizes,
  tensorOf,
  type GraphParts,
} from '../../support/onnx-file.ts'
import { load } from './load-graph.ts'

const conv = { w: randomTensor([4, 3, 3, 3], 'w'), b: randomTensor([4], 'b') }
const head = { v: randomTensor([16, 5], 'v') }
/** [b, 3, 4, 4] to [b, 4, 2, 2]. */
const features = [
  node('Conv', 'x w b', 'f', { strides: ints(2, 2), pads: ints(1, 1, 1, 1) }),
  node('Relu', 'f', 'r'),
]
const dynamic: GraphParts = {
  input: ['n', 3, 4, 4],
  nodes: [...features, node('Flatten', 'r', 'flat'), node('MatMul', 'flat v', 'y')],
  initializers: { ...conv, ...head },
}
const images = nonNegative(randomTensor([7, 3, 4, 4], 'images'))
const labels = Int32Array.of(0, 1, 2, 3, 4, 0, 1)

describe('a file with a dynamic batch', () => {
  test('has the shapes of the file', async () => {
    const model = await load(onnxGraph(dynamic))
    expect({ inputShape: model.inputShape, classes: model.classes, bounds: model.bounds }).toEqual({
      inputShape: [3, 4, 4],
      classes: 5,
      bounds: [0, 1],
    })
  })
  test('has the logits of the file', async () => {
    await expectLogitsOfFile(onnxGraph(dynamic), {}, (x) => x)
  })
  test('is normalized per channel', async () => {
    const manifest = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] }
    await expectLogitsOfFile(onnxGraph(dynamic), manifest, (x) => {
      const data = x.data.map((value, i) => {
        const channel = Math.floor(i / 16) % 3
        return (value - manifest.mean[channel]!) / manifest.std[channel]!
      })
      return float32(x.shape, data)
    })
  })
  test('with layout NHWC gets transposed images', async () => {
    const nhwc = {
      ...dynamic,
      input: ['n', 4, 4, 3],
      nodes: [
        node('Transpose', 'x', 'c', { perm: ints(0, 3, 1, 2) }),
        node('Conv', 'c w b', 'f', { strides: ints(2, 2), pads: ints(1, 1, 1, 1) }),
        ...dynamic.nodes.slice(1),
      ],
    }
    await expectLogitsOfFile(onnxGraph(nhwc), { layout: 'NHWC' }, toChannelsLast)
  })
  test('with a flat input gets flattened images', async () => {
    const mlp = {
      input: ['n', 48],
      nodes: [node('Gemm', 'x a', 'h'), node('Relu', 'h', 'r'), node('Gemm', 'r v', 'y')],
      initializers: { a: randomTensor([48, 16], 'a'), ...head },
    }
    await expectLogitsOfFile(onnxGraph(mlp), {}, (x) => float32([x.shape[0]!, 48], x.data), {
      inputShape: [3, 4, 4],
    })
  })
  test('can have logits [n, k, 1, 1]', async () => {
    const nodes = [...features, node('Conv', 'r u', 'p'), node('GlobalAveragePool', 'p', 'y')]
    await expectLogitsOfFile(
      onnxGraph({
        ...dynamic,
        nodes,
        initializers: { ...conv, u: randomTensor([5, 4, 1, 1], 'u') },
      }),
      {},
      (x) => x,
    )
  })
  test('can have several outputs; the manifest names the logits', async () => {
    const graph = onnxGraph({
      ...dynamic,
      nodes: [...dynamic.nodes, node('Softmax', 'y', 'p'), node('ArgMax', 'y', 'c')],
      outputs: ['p', 'y'],
    })
    const model = await load(graph, { output: 'y' })
    const plain = await load(onnxGraph(dynamic))
    expect((await model.logits(images)).data).toEqual((await plain.logits(images)).data)
  })
  test('can have several outputs; the number of classes decides, or the user is asked', async () => {
    const nodes = [...dynamic.nodes, node('Softmax', 'y', 'p'), node('ArgMax', 'y', 'c')]
    const plain = (await (await load(onnxGraph(dynamic))).logits(images)).data
    // The file states no shapes of outputs, so it is run.
    const features = onnxGraph({ ...dynamic, nodes, outputs: ['flat', 'y'] })
    expect((await (await load(features, {}, { classes: 5 })).logits(images)).data).toEqual(plain)
    const outputs = '"flat" float32 [n, 16], "y" float32 [n, 5]'
    const ask = 'name the one with the logits (--output NAME, or the option "output")'
    await expect(load(features)).rejects.toThrow(
      `m.onnx: the file has 2 outputs, and 2 of them have a shape of logits: ${outputs}; ${ask}`,
    )
    await expect(load(features, {}, { classes: 7 })).rejects.toThrow(
      `m.onnx: the file has 2 outputs, and none of them has the 7 classes of the data: ${outputs}; ${ask}`,
    )
    const both = onnxGraph({ ...dynamic, nodes, outputs: ['p', 'y'] })
    await expect(load(both, {}, { classes: 5 })).rejects.toThrow(
      'and 2 of them have the 5 classes of the data: "p" float32 [n, 5], "y" float32 [n, 5]; name',
    )
  })
  test('can name an inner tensor, with gradients', async () => {
    const nodes = [...dynamic.nodes, node('Softmax', 'y', 'p')]
    const model = await load(onnxGraph({ ...dynamic, nodes, outputs: ['p'] }), { output: 'y' })
    const plain = await load(onnxGraph(dynamic))
    const expected = await plain.gradient(images, labels, crossEntropy)
    expect((await model.logits(images)).data).toEqual(expected.logits.data)
    expect((await model.gradient(images, labels, crossEntropy)).gradient).toEqual(expected.gradient)
  })
  test('can have open image sizes if they are specified', async () => {
    const graph = onnxGraph({ ...dynamic, input: ['n', 3, 'h', 'w'] })
    expect((await load(graph, {}, { inputShape: [3, 4, 4] })).inputShape).toEqual([3, 4, 4])
    await expect(load(graph)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: the input [n, 3, h, w] has open sizes; state the images' shape (--shape channels,height,width)]`,
    )
  })
})

/** Exported forms of a fixed batch, as nodes from r [b, 4, 2, 2] to flat [b, 16]. */
const fixedForms: Record<string, (batch: number) => Pick<GraphParts, 'nodes' | 'initializers'>> = {
  '[b, -1]': (batch) => ({
    nodes: [node('Reshape', 'r s', 'flat')],
    initializers: { s: sizes(batch, -1) },
  }),
  '[b, 16]': (batch) => ({
    nodes: [node('Reshape', 'r s', 'flat')],
    initializers: { s: sizes(batch, 16) },
  }),
  '[-1, 16]': () => ({
    nodes: [node('Reshape', 'r s', 'flat')],
    initializers: { s: sizes(-1, 16) },
  }),
  '[0, -1]': () => ({ nodes: [node('Reshape', 'r s', 'flat')], initializers: { s: sizes(0, -1) } }),
  Flatten: () => ({ nodes: [node('Flatten', 'r', 'flat')] }),
  '[b, 4, 4], then [b, -1]': (batch) => ({
    nodes: [
      node('Reshape', 'r s', 'a'),
      node('Transpose', 'a', 't', { perm: ints(0, 2, 1) }),
      node('Reshape', 't q', 'flat'),
    ],
    initializers: { s: sizes(batch, 4, 4), q: sizes(batch, -1) },
  }),
  '[4b, -1], then [b, 16]': (batch) => ({
    nodes: [node('Reshape', 'r s', 'a'), node('Reshape', 'a q', 'flat')],
    initializers: { s: sizes(4 * batch, -1), q: sizes(batch, 16) },
  }),
  'a shape put together from constants': (batch) => ({
    nodes: [
      node('Constant', '', 'one', { value: tensorOf(sizes(batch)) }),
      node('Concat', 'one rest', 's', { axis: int(0) }),
      node('Reshape', 'r s', 'flat'),
    ],
    initializers: { rest: sizes(-1) },
  }),
  'an Expand of constants to the batch': (batch) => ({
    nodes: [
      node('Expand', 'token s', 'tokens'),
      node('Flatten', 'r', 'a'),
      node('Mul', 'a tokens', 'flat'),
    ],
    initializers: { token: randomTensor([1, 16], 'token'), s: sizes(batch, 16) },
  }),
  'an Expand of the features': (batch) => ({
    nodes: [
      node('ReduceMean', 'r', 'a', { axes: ints(3) }),
      node('Expand', 'a s', 'e'),
      node('Flatten', 'e', 'flat'),
    ],
    initializers: { s: sizes(batch, 4, 2, 2) },
  }),
}

describe.each([1, 4])('a file with a fixed batch of %i', (batch) => {
  test.each(Object.entries(fixedForms))(
    'and %s supports any batch, with the logits of the file',
    async (_, form) => {
      const { nodes, initializers = {} } = form(batch)
      const graph = onnxGraph({
        input: [batch, 3, 4, 4],
        nodes: [...features, ...nodes, node('MatMul', 'flat v', 'y')],
        initializers: { ...conv, ...head, ...initializers },
      })
      await expectLogitsOfFile(graph, {}, (x) => x, {}, batch)
    },
  )

  test('that cannot be made symbolic is computed batch by batch, with gradients', async () => {
    // Swap batch and channels, so that the batch is not the first axis of the reshape.
    const graph = onnxGraph({
      input: [batch, 3, 4, 4],
      nodes: [
        ...features,
        node('Transpose', 'r', 't', { perm: ints(1, 0, 2, 3) }),
        node('Reshape', 't s', 'u'),
        node('Transpose', 'u', 'flat', { perm: ints(1, 0, 2) }),
        node('Reshape', 'flat q', 'z'),
        node('MatMul', 'z v', 'y'),
      ],
      initializers: { ...conv, ...head, s: sizes(4, batch, 4), q: sizes(batch, 16) },
    })
    await expectLogitsOfFile(graph, {}, (x) => x, {}, batch)
    const model = await load(graph)
    const same = await load(onnxGraph(dynamic))
    const [actual, expected] = [
      await model.gradient(images, labels, crossEntropy),
      await same.gradient(images, labels, crossEntropy),
    ]
    expect(actual.gradient.data).toBeAllclose(expected.gradient.data, { rtol: 1e-5, atol: 1e-6 })
    expect(model.passes).toEqual({ forward: 7, backward: 7 })
  })
})

test('a file of batch 1 can omit the batch axis of its logits', async () => {
  const graph = onnxGraph({
    ...dynamic,
    input: [1, 3, 4, 4],
    nodes: [
      ...dynamic.nodes.slice(0, -1),
      node('MatMul', 'flat v', 'z'),
      node('Squeeze', 'z', 'y'),
    ],
  })
  const model = await load(graph)
  const plain = await load(onnxGraph(dynamic))
  expect((await model.logits(images)).data).toBeAllclose((await plain.logits(images)).data)
})

describe('an unsupported operator', () => {
  const compress = node('Compress', 'f all', 'r', { axis: int(1) })
  const all = tensor('bool', [4], Uint8Array.of(1, 1, 1, 1))
  const compressed = onnxGraph({
    ...dynamic,
    nodes: [features[0]!, compress, ...dynamic.nodes.slice(2)],
    initializers: { ...conv, ...head, all },
  })

  test('on the path: the file computes logits; the error names operator and node', async () => {
    await expectLogitsOfFile(compressed, {}, (x) => x, {}, undefined, false)
    const model = await load(compressed)
    await expect(
      model.gradient(images, labels, crossEntropy),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: robench cannot differentiate the operator Compress "Compress_r" (its result has a shape that depends on the values of its input); black-box attacks, which need no gradient, still work]`,
    )
    await expect(model.compile(() => ({ inputs: [], outputs: {} }))).rejects.toThrow(
      'Compress "Compress_r"',
    )
    await expect(model.gradient(images, labels, crossEntropy)).rejects.toMatchObject({
      code: 'ROBENCH_NO_GRADIENT',
      details: { op: 'Compress', node: 'Compress_r' },
    })
  })
  test('of another output is ignored', async () => {
    const graph = onnxGraph({
      ...dynamic,
      nodes: [...dynamic.nodes, { ...compress, outputs: ['other'] }],
      initializers: { ...conv, ...head, all },
      outputs: ['y', 'other'],
    })
    await expectLogitsOfFile(graph, {}, (x) => x)
  })
  test('of weights only is computed by onnxruntime: an 8-bit kernel', async () => {
    const kernel = tensor(
      'int8',
      [4, 3, 3, 3],
      Int8Array.from({ length: 108 }, (_, i) => ((i * 37) % 255) - 127),
    )
    const graph = onnxGraph({
      ...dynamic,
      nodes: [
        node('DequantizeLinear', 'q scale', 'w0'),
        node('Mul', 'w0 two', 'w'),
        ...dynamic.nodes,
      ],
      initializers: {
        b: conv.b,
        ...head,
        q: kernel,
        scale: float32([], [0.01]),
        two: float32([], [2]),
      },
    })
    await expectLogitsOfFile(graph, {}, (x) => x)
  })
  test('of constants only is computed: positions from Range', async () => {
    const graph = onnxGraph({
      ...dynamic,
      nodes: [
        node('Constant', '', 'from', { value: tensorOf(int64([], [0])) }),
        node('Range', 'from to by', 'positions'),
        ...dynamic.nodes.slice(0, -1),
        node('Gather', 'flat positions', 'part', { axis: int(1) }),
        node('MatMul', 'part v', 'y'),
      ],
      initializers: { ...conv, ...head, to: int64([], [16]), by: int64([], [1]) },
    })
    await expectLogitsOfFile(graph, {}, (x) => x)
  })
  test('of sizes only is computed: pads transposed from a table', async () => {
    const graph = onnxGraph({
      ...dynamic,
      nodes: [
        ...dynamic.nodes.slice(0, -1),
        node('Transpose', 'table', 'turned', { perm: ints(1, 0) }),
        node('Reshape', 'turned flattened', 'pads'),
        node('Pad', 'flat pads', 'padded'),
        node('MatMul', 'padded v2', 'y'),
      ],
      initializers: {
        ...conv,
        table: int64([2, 2], [0, 0, 1, 2]),
        flattened: sizes(-1),
        v2: randomTensor([19, 5], 'v2'),
      },
    })
    await expectLogitsOfFile(graph, {}, (x) => x)
  })
  test('that is random is not computed only once', async () => {
    const graph = onnxGraph({
      ...dynamic,
      nodes: [
        ...dynamic.nodes.slice(0, -1),
        node('MatMul', 'flat v', 'z'),
        node('RandomNormal', '', 'noise', { shape: ints(1, 5), scale: float(0.001) }),
        node('Add', 'z noise', 'y'),
      ],
    })
    const model = await load(graph)
    expect(model.stochastic).toBe(true)
    const [first, second] = [await model.logits(images), await model.logits(images)]
    expect(first.data).not.toEqual(second.data)
  })
})

describe('rejects', () => {
  const withInput = (input: GraphParts['input']): OnnxGraph => onnxGraph({ ...dynamic, input })

  test('data whose shape does not match the file', async () => {
    await expect(
      load(onnxGraph(dynamic), {}, { inputShape: [3, 8, 8] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: the model expects images of [3, 4, 4] (channels, height, width), but the data has [3, 8, 8]]`,
    )
  })
  test('the wrong layout, with a hint, both ways', async () => {
    await expect(
      load(onnxGraph(dynamic), { layout: 'NHWC' }, { inputShape: [3, 4, 4] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: the model expects images of [4, 3, 4] (channels, height, width), but the data has [3, 4, 4]; if the data has the channels last, save x.transpose(0, 3, 1, 2); if the model has, set --layout NHWC]`,
    )
    await expect(
      load(withInput(['n', 4, 4, 3]), {}, { inputShape: [3, 4, 4] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: the model expects images of [4, 4, 3] (channels, height, width), but the data has [3, 4, 4]; if the data has the channels last, save x.transpose(0, 3, 1, 2); if the model has, set --layout NHWC]`,
    )
  })
  test('a wrong number of class names', async () => {
    await expect(
      load(onnxGraph(dynamic), { classNames: ['cat', 'dog'] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: the model has 5 logits, but there are 2 class names]`,
    )
  })
  test('a mean of the wrong length', async () => {
    await expect(
      load(onnxGraph(dynamic), { mean: [0.5, 0.5] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[RobenchError: manifest: mean has 2 values, expected 3 (one per channel)]`,
    )
  })
  test('a file with two inputs', async () => {
    const graph = onnxGraph(dynamic)
    await expect(
      load({ ...graph, inputs: [...graph.inputs, { name: 'z', dtype: 'float32', shape: [1] }] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: expected one input, got x, z; export the model with the images as its only input, and the other values as constants]`,
    )
  })
  test('a file whose input is not numeric', async () => {
    const graph = onnxGraph({
      ...dynamic,
      nodes: [node('Cast', 'i', 'x', { to: int(1) }), ...dynamic.nodes],
    })
    await expect(
      load({ ...graph, inputs: [{ name: 'i', dtype: 'bool', shape: ['n', 3, 4, 4] }] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: expected an input of numbers, got bool]`,
    )
  })
  test('a file whose input is not an image', async () => {
    await expect(load(withInput(['n', 3, 4, 4, 1]))).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: expected an input of 1 to 4 axes, got [n, 3, 4, 4, 1]]`,
    )
  })
  test('flattened images whose shape is missing or does not match', async () => {
    const mlp = onnxGraph({
      input: ['n', 48],
      nodes: [node('Gemm', 'x a', 'y')],
      initializers: { a: randomTensor([48, 16], 'a') },
    })
    await expect(load(mlp)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: the input is [n, 48]; state the images' shape (--shape channels,height,width)]`,
    )
    await expect(
      load(mlp, {}, { inputShape: [1, 28, 28] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: the input is [n, 48], which does not match images of [1, 28, 28] (channels, height, width)]`,
    )
  })
  test('an output that does not exist', async () => {
    await expect(
      load(onnxGraph(dynamic), { output: 'logits' }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: output "logits" does not exist; outputs: y; inner tensors can be named, too]`,
    )
  })
  test('an output that is not logits', async () => {
    await expect(
      load(onnxGraph({ ...dynamic, nodes: features, outputs: ['r'] })),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[RobenchError: m.onnx: output "r" is float32 [3, 4, 2, 2], expected float32 logits [3, classes]; if the logits are another tensor of the file, name it (--output NAME, or the option "output")]`,
    )
    await expect(
      load(
        onnxGraph({
          ...dynamic,
          nodes: [...dynamic.nodes, node('ArgMax', 'y', 'c', { axis: int(1), keepdims: int(0) })],
          outputs: ['c'],
        }),
      ),
    ).rejects.toThrow(/int64/)
  })
  test('a file that onnxruntime cannot load', async () => {
    const graph = onnxGraph({
      ...dynamic,
      nodes: [...dynamic.nodes.slice(0, -1), node('Frobnicate', 'flat', 'y')],
    })
    await expect(load(graph)).rejects.toThrow(
      /^m\.onnx: onnxruntime cannot load it on "cpu": .*Frobnicate/s,
    )
  })
})

describe('non-finite logits', () => {
  test('are rejected with their row and advice', async () => {
    const graph = onnxGraph({
      ...dynamic,
      nodes: [...dynamic.nodes.slice(0, -1), node('MatMul', 'flat v', 'z'), node('Log', 'z', 'y')],
    })
    const model = await load(graph)
    await expect(model.logits(images)).rejects.toThrow(
      /^m\.onnx: logit \d of row \d in the batch is NaN; a model with non-finite logits cannot be evaluated: check its normalization \(mean, std\) and its weights$/,
    )
    await expect(model.gradient(images, labels, crossEntropy)).rejects.toMatchObject({
      code: 'ROBENCH_MODEL_OUTPUT',
    })
  })
})

test('loading stops once its signal is aborted', async () => {
  const signal = AbortSignal.abort()
  await expect(load(onnxGraph(dynamic), {}, { signal })).rejects.toMatchObject({
    code: 'ROBENCH_ABORTED',
  })
})

test('the hash depends on file and manifest', async () => {
  const graph = onnxGraph(dynamic)
  const [a, b, c] = [
    await load(graph),
    await load(graph),
    await load(graph, { mean: [0.5, 0.5, 0.5] }),
  ]
  expect(a.hash).toBe(b.hash)
  expect(c.hash).not.toBe(a.hash)
})

/** Expects the logits of the file, and a gradient if `hasGradient`. */
async function expectLogitsOfFile(
  graph: OnnxGraph,
  manifest: Partial<ModelManifest>,
  prepare: (images: FloatTensor) => FloatTensor,
  options: LoadModelOptions = {},
  fixedBatch?: number,
  hasGradient = true,
): Promise<void> {
  const model = await load(graph, manifest, options)
  const file = await Session.load(writeOnnx(graph))
  const result = await model.logits(images)
  const rows = fixedBatch ?? 7
  for (let start = 0; start + rows <= 7; start += rows) {
    const expected = (await file.run({ x: prepare(sliceRows(images, start, start + rows)) }))[
      manifest.output ?? 'y'
    ]!
    // Folding and another layout change the order of additions.
    expect(sliceRows(result, start, start + rows).data).toBeAllclose(
      expected.data as Float32Array,
      { rtol: 1e-4, atol: 1e-5 },
    )
  }
  if (hasGradient) {
    const { logits, losses, gradient } = await model.gradient(images, labels, crossEntropy)
    expect(logits.data).toEqual(result.data)
    expect(losses.length).toBe(7)
    expect(gradient.shape).toEqual(images.shape)
    expect(gradient.data.some((value) => value !== 0)).toBe(true)
  }
  await file.release()
}

function nonNegative(x: FloatTensor): FloatTensor {
  return float32(x.shape, x.data.map(Math.abs))
}

function toChannelsLast(x: FloatTensor): FloatTensor {
  const [count, c, h, w] = x.shape as [number, number, number, number]
  const data = new Float32Array(sizeOf(x.shape))
  for (let row = 0; row < count; row++) {
    for (let channel = 0; channel < c; channel++) {
      for (let pixel = 0; pixel < h * w; pixel++)
        data[(row * h * w + pixel) * c + channel] = x.data[(row * c + channel) * h * w + pixel]!
    }
  }
  return float32([count, h, w, c], data)
}
