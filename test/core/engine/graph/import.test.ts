/** Imported files of all operator sets give the results of onnxruntime. */
import { describe, expect, test } from 'vitest'
import { importGraph } from '../../../../core/engine/graph/import.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { float32, int64, tensor } from '../../../../core/engine/tensor/tensor.ts'
import { expectSame } from '../../../support/imported.ts'
import {
  float,
  int,
  ints,
  node,
  onnxGraph,
  randomTensor,
  sizes,
  tensorOf,
  text,
  type GraphParts,
} from '../../../support/onnx-file.ts'

const toEnd = 2 ** 63
const image = ['n', 3, 6, 6]
const matrix = ['n', 6]
const conv = { w: randomTensor([4, 3, 3, 3], 'w'), b: randomTensor([4], 'b') }
const statistics = {
  scale: randomTensor([3], 's'),
  bias: randomTensor([3], 'o'),
  mean: randomTensor([3], 'm'),
  variance: float32([3], [0.5, 1, 2]),
}

/** The forms of each operator and their operator sets. */
const forms: Record<string, [opsets: number[], parts: Omit<GraphParts, 'opset'>][]> = {
  Clip: [
    [
      [7, 9],
      { input: matrix, nodes: [node('Clip', 'x', 'y', { min: float(-0.5), max: float(0.25) })] },
    ],
    [[7, 9], { input: matrix, nodes: [node('Clip', 'x', 'y', { min: float(0) })] }],
    [[7], { input: matrix, nodes: [node('Clip', 'x', 'y')] }],
    [
      [11, 12, 13, 17],
      {
        input: matrix,
        nodes: [node('Clip', 'x low high', 'y')],
        initializers: { low: float32([], [-0.5]), high: float32([], [0.25]) },
      },
    ],
    [
      [11, 17],
      {
        input: matrix,
        nodes: [node('Clip', 'x _ high', 'y')],
        initializers: { high: float32([], [0.25]) },
      },
    ],
  ],
  RNN: [
    [
      [7, 14, 22],
      {
        input: [4, 'n', 3],
        nodes: [
          node('RNN', 'x w r', 'y last', {
            activations: { type: 'strings', value: ['Relu', 'Softplus'] },
            clip: float(0.6),
            direction: text('bidirectional'),
            hidden_size: int(5),
          }),
        ],
        initializers: { w: randomTensor([2, 5, 3], 'w'), r: randomTensor([2, 5, 5], 'r') },
      },
    ],
  ],
  Pad: [
    [
      [7, 9],
      {
        input: image,
        nodes: [node('Pad', 'x', 'y', { pads: ints(0, 0, 1, 2, 0, 0, 3, 0), value: float(0.5) })],
      },
    ],
    [
      [7, 9],
      {
        input: image,
        nodes: [
          node('Pad', 'x', 'y', { pads: ints(0, 0, 1, 2, 0, 0, 3, 0), mode: text('reflect') }),
        ],
      },
    ],
    [
      [11, 13, 17],
      {
        input: image,
        nodes: [node('Pad', 'x pads', 'y', { mode: text('edge') })],
        initializers: { pads: sizes(0, 0, 1, 2, 0, 0, 3, 0) },
      },
    ],
    [
      [11, 17],
      {
        input: image,
        nodes: [node('Pad', 'x pads value', 'y')],
        initializers: { pads: sizes(0, 1, 1, 2, 0, 0, 3, 0), value: float32([], [2]) },
      },
    ],
    [
      [18],
      {
        input: image,
        nodes: [node('Pad', 'x pads _ axes', 'y')],
        initializers: { pads: sizes(1, 2, 0, 1), axes: sizes(-1, 2) },
      },
    ],
  ],
  Slice: [
    [
      [7, 9],
      {
        input: image,
        nodes: [
          node('Slice', 'x', 'y', { starts: ints(1, -4), ends: ints(toEnd, 5), axes: ints(1, 3) }),
        ],
      },
    ],
    [
      [7, 9],
      {
        input: image,
        nodes: [node('Slice', 'x', 'y', { starts: ints(0, 1), ends: ints(toEnd, toEnd) })],
      },
    ],
    [
      [10, 11, 13, 17],
      {
        input: image,
        nodes: [node('Slice', 'x s e a st', 'y')],
        initializers: {
          s: sizes(0, -1, 0),
          e: sizes(toEnd, -toEnd, 4),
          a: sizes(0, 2, 3),
          st: sizes(1, -2, 1),
        },
      },
    ],
    [
      [10, 17],
      {
        input: image,
        nodes: [node('Slice', 'x s e', 'y')],
        initializers: { s: sizes(0, 1), e: sizes(toEnd, 3) },
      },
    ],
  ],
  Squeeze: [
    [
      [7, 11, 12],
      { input: ['n', 1, 6, 1], nodes: [node('Squeeze', 'x', 'y', { axes: ints(1, 3) })] },
    ],
    [[11], { input: ['n', 1, 6, 1], nodes: [node('Squeeze', 'x', 'y', { axes: ints(-1) })] }],
    [
      [13, 17],
      {
        input: ['n', 1, 6, 1],
        nodes: [node('Squeeze', 'x axes', 'y')],
        initializers: { axes: sizes(1, -1) },
      },
    ],
  ],
  Unsqueeze: [
    [[7, 11, 12], { input: matrix, nodes: [node('Unsqueeze', 'x', 'y', { axes: ints(0, 3) })] }],
    [
      [13, 17],
      {
        input: matrix,
        nodes: [node('Unsqueeze', 'x axes', 'y')],
        initializers: { axes: sizes(-1, 1) },
      },
    ],
  ],
  ReduceSum: [
    [
      [7, 11, 12],
      {
        input: image,
        nodes: [node('ReduceSum', 'x', 'y', { axes: ints(1, 3), keepdims: int(0) })],
      },
    ],
    [[11], { input: image, nodes: [node('ReduceSum', 'x', 'y', { axes: ints(-1) })] }],
    [
      [13, 17],
      {
        input: image,
        nodes: [node('ReduceSum', 'x axes', 'y', { keepdims: int(0) })],
        initializers: { axes: sizes(-1, 1) },
      },
    ],
    [
      [13],
      { input: image, nodes: [node('ReduceSum', 'x', 'y', { noop_with_empty_axes: int(1) })] },
    ],
    [[7, 17], { input: image, nodes: [node('ReduceSum', 'x', 'y')] }],
  ],
  ReduceMean: [
    [
      [7, 11, 13, 17],
      {
        input: image,
        nodes: [node('ReduceMean', 'x', 'y', { axes: ints(2, 3), keepdims: int(0) })],
      },
    ],
    [[13], { input: image, nodes: [node('ReduceMean', 'x', 'y', { axes: ints(0, -1) })] }],
    [
      [18],
      {
        input: image,
        nodes: [node('ReduceMean', 'x axes', 'y', { keepdims: int(0) })],
        initializers: { axes: sizes(2, 3) },
      },
    ],
  ],
  ReduceMax: [
    [
      [7, 12, 17],
      { input: image, nodes: [node('ReduceMax', 'x', 'y', { axes: ints(1), keepdims: int(0) })] },
    ],
    [
      [18],
      { input: image, nodes: [node('ReduceMax', 'x axes', 'y')], initializers: { axes: sizes(1) } },
    ],
  ],
  Split: [
    [
      [7, 12],
      {
        input: matrix,
        nodes: [
          node('Split', 'x', 'a b', { axis: int(1), split: ints(4, 2) }),
          node('Concat', 'b a', 'y', { axis: int(1) }),
        ],
      },
    ],
    [
      [7, 12, 13, 17],
      {
        input: matrix,
        nodes: [node('Split', 'x', 'a b c', { axis: int(-1) }), node('Sum', 'a c', 'y')],
      },
    ],
    [
      [13, 17],
      {
        input: matrix,
        nodes: [
          node('Split', 'x sizes', 'a b', { axis: int(1) }),
          node('Concat', 'b a', 'y', { axis: int(1) }),
        ],
        initializers: { sizes: sizes(4, 2) },
      },
    ],
    [
      [18],
      {
        input: matrix,
        nodes: [
          node('Split', 'x', 'a b', { axis: int(1), num_outputs: int(2) }),
          node('Sub', 'a b', 'y'),
        ],
      },
    ],
  ],
  Softmax: [
    [[7, 9, 11, 12], { input: image, nodes: [node('Softmax', 'x', 'y')] }],
    [[7, 11], { input: image, nodes: [node('Softmax', 'x', 'y', { axis: int(2) })] }],
    [[11], { input: image, nodes: [node('Softmax', 'x', 'y', { axis: int(-1) })] }],
    [[13, 17], { input: image, nodes: [node('Softmax', 'x', 'y')] }],
    [[13, 17], { input: image, nodes: [node('Softmax', 'x', 'y', { axis: int(1) })] }],
  ],
  LogSoftmax: [
    [[7, 9, 12], { input: image, nodes: [node('LogSoftmax', 'x', 'y')] }],
    [[7, 13], { input: matrix, nodes: [node('LogSoftmax', 'x', 'y', { axis: int(1) })] }],
  ],
  Dropout: [
    [[7, 9, 11], { input: matrix, nodes: [node('Dropout', 'x', 'y', { ratio: float(0.5) })] }],
    [
      [12, 13, 17],
      {
        input: matrix,
        nodes: [node('Dropout', 'x ratio', 'y', { seed: int(3) })],
        initializers: { ratio: float32([], [0.5]) },
      },
    ],
    [
      [12, 17],
      {
        input: matrix,
        nodes: [node('Dropout', 'x ratio training', 'y mask')],
        initializers: { ratio: float32([], [0.5]), training: tensor('bool', [], Uint8Array.of(0)) },
      },
    ],
  ],
  BatchNormalization: [
    [
      [7],
      {
        input: image,
        nodes: [
          node('BatchNormalization', 'x scale bias mean variance', 'y', {
            spatial: int(1),
            epsilon: float(1e-3),
          }),
        ],
        initializers: statistics,
      },
    ],
    [
      [9, 13],
      {
        input: image,
        nodes: [
          node('BatchNormalization', 'x scale bias mean variance', 'y', { momentum: float(0.1) }),
        ],
        initializers: statistics,
      },
    ],
    [
      [14, 15, 17],
      {
        input: image,
        nodes: [
          node('BatchNormalization', 'x scale bias mean variance', 'y', { training_mode: int(0) }),
        ],
        initializers: statistics,
      },
    ],
  ],
  Gemm: [
    [
      [7, 9, 11, 13, 17],
      {
        input: matrix,
        nodes: [node('Gemm', 'x w c', 'y', { alpha: float(0.5), beta: float(2), transB: int(1) })],
        initializers: { w: randomTensor([4, 6], 'w'), c: randomTensor([4], 'c') },
      },
    ],
    [
      [11, 17],
      {
        input: matrix,
        nodes: [node('Gemm', 'x w', 'y')],
        initializers: { w: randomTensor([6, 4], 'w') },
      },
    ],
  ],
  Reshape: [
    [
      [7, 13, 17],
      {
        input: image,
        nodes: [node('Reshape', 'x shape', 'y')],
        initializers: { shape: sizes(0, -1, 6) },
      },
    ],
    [
      [14],
      {
        input: image,
        nodes: [node('Reshape', 'x shape', 'y', { allowzero: int(0) })],
        initializers: { shape: sizes(-1, 108) },
      },
    ],
  ],
  Constant: [
    [
      [7, 11, 17],
      {
        input: matrix,
        nodes: [
          node('Constant', '', 'c', { value: tensorOf(randomTensor([6], 'c')) }),
          node('Add', 'x c', 'y'),
        ],
      },
    ],
    [
      [12, 17],
      {
        input: matrix,
        nodes: [node('Constant', '', 'c', { value_float: float(0.25) }), node('Mul', 'x c', 'y')],
      },
    ],
    [
      [12],
      {
        input: matrix,
        nodes: [
          node('Constant', '', 'c', {
            value_floats: { type: 'floats', value: [1, 2, 3, 4, 5, 6] },
          }),
          node('Mul', 'x c', 'y'),
        ],
      },
    ],
    [
      [13],
      {
        input: matrix,
        nodes: [
          node('Constant', '', 'c', { value_ints: ints(0, 2, 3) }),
          node('Reshape', 'x c', 'y'),
        ],
      },
    ],
    [
      [13],
      {
        input: matrix,
        nodes: [
          node('Constant', '', 'c', { value_int: int(2) }),
          node('Gather', 'x c', 'y', { axis: int(1) }),
        ],
      },
    ],
  ],
  Conv: [
    [
      [7, 11, 17],
      {
        input: image,
        nodes: [
          node('Conv', 'x w b', 'y', {
            auto_pad: text('SAME_LOWER'),
            strides: ints(2, 2),
            kernel_shape: ints(3, 3),
          }),
        ],
        initializers: conv,
      },
    ],
    [
      [7, 11],
      {
        input: image,
        nodes: [node('Conv', 'x w', 'y', { auto_pad: text('VALID'), dilations: ints(2, 2) })],
        initializers: { w: conv.w },
      },
    ],
  ],
  AveragePool: [
    [
      [7, 11, 17, 19],
      {
        input: image,
        nodes: [
          node('AveragePool', 'x', 'y', {
            kernel_shape: ints(3, 3),
            strides: ints(2, 2),
            pads: ints(1, 1, 1, 1),
            count_include_pad: int(1),
          }),
        ],
      },
    ],
    [
      [19],
      {
        input: image,
        nodes: [node('AveragePool', 'x', 'y', { kernel_shape: ints(2, 2), dilations: ints(1, 1) })],
      },
    ],
    [
      [10, 17],
      {
        input: image,
        nodes: [
          node('AveragePool', 'x', 'y', {
            kernel_shape: ints(4, 4),
            strides: ints(3, 3),
            ceil_mode: int(1),
          }),
        ],
      },
    ],
  ],
  MaxPool: [
    [
      [7, 11, 17],
      {
        input: image,
        nodes: [
          node('MaxPool', 'x', 'y', {
            kernel_shape: ints(3, 3),
            strides: ints(2, 2),
            pads: ints(1, 1, 1, 1),
          }),
        ],
      },
    ],
    [
      [10],
      {
        input: image,
        nodes: [
          node('MaxPool', 'x', 'y', {
            kernel_shape: ints(3, 3),
            strides: ints(2, 2),
            ceil_mode: int(1),
          }),
        ],
      },
    ],
    [
      [10, 17],
      {
        input: image,
        nodes: [node('MaxPool', 'x', 'y', { kernel_shape: ints(2, 2), dilations: ints(2, 2) })],
      },
    ],
    [
      [7, 17],
      {
        input: image,
        nodes: [
          node('MaxPool', 'x', 'y', {
            kernel_shape: ints(3, 3),
            strides: ints(2, 2),
            auto_pad: text('SAME_UPPER'),
          }),
        ],
      },
    ],
  ],
  Cast: [
    [
      [7, 13, 19],
      {
        input: matrix,
        nodes: [node('Cast', 'x', 'd', { to: int(11) }), node('Cast', 'd', 'y', { to: int(1) })],
      },
    ],
    [
      [19],
      {
        input: matrix,
        nodes: [
          node('Cast', 'x', 'd', { to: int(11), saturate: int(1) }),
          node('Cast', 'd', 'y', { to: int(1) }),
        ],
      },
    ],
  ],
  Max: [
    [
      [8, 12, 17],
      {
        input: matrix,
        nodes: [node('Max', 'x c', 'y')],
        initializers: { c: randomTensor([6], 'c') },
      },
    ],
  ],
  HardSigmoid: [
    [[7, 17], { input: matrix, nodes: [node('HardSigmoid', 'x', 'y', { alpha: float(0.5) })] }],
  ],
  PRelu: [
    [
      [7, 9, 17],
      {
        input: image,
        nodes: [node('PRelu', 'x slope', 'y')],
        initializers: { slope: randomTensor([3, 1, 1], 'p') },
      },
    ],
  ],
}

describe.each(Object.entries(forms))('%s', (_, list) => {
  const cases = list.flatMap(([opsets, parts], form) =>
    opsets.map((opset) => ({ form, opset, parts })),
  )
  test.each(cases)(
    'form $form of opset $opset matches the file for any batch',
    async ({ opset, parts }) => {
      await expectSame({ ...parts, opset })
    },
  )
})

/** Exported forms of `view`, `flatten`, `expand`, and similar operators. */
const dynamicShapes: Record<string, Omit<GraphParts, 'opset'>> = {
  'x.view(x.size(0), -1)': {
    input: image,
    nodes: [
      node('Shape', 'x', 'shape'),
      node('Constant', '', 'zero', { value: tensorOf(int64([], [0])) }),
      node('Gather', 'shape zero', 'batch', { axis: int(0) }),
      node('Unsqueeze', 'batch axis', 'first'),
      node('Concat', 'first rest', 'target', { axis: int(0) }),
      node('Reshape', 'x target', 'y'),
    ],
    initializers: { axis: sizes(0), rest: sizes(-1) },
  },
  'x.view(x.shape[:2] + (-1,))': {
    input: image,
    nodes: [
      node('Shape', 'x', 'shape'),
      node('Slice', 'shape from to axis', 'front'),
      node('Concat', 'front rest', 'target', { axis: int(0) }),
      node('Reshape', 'x target', 'y'),
    ],
    initializers: { from: sizes(0), to: sizes(2), axis: sizes(0), rest: sizes(-1) },
  },
  'x.view(n, c * h, w), its sizes multiplied in the graph': {
    input: image,
    nodes: [
      node('Shape', 'x', 'shape'),
      node('Gather', 'shape zero', 'n'),
      node('Gather', 'shape one', 'c'),
      node('Gather', 'shape two', 'h'),
      node('Mul', 'c h', 'ch'),
      node('Unsqueeze', 'n zeros', 'a'),
      node('Unsqueeze', 'ch zeros', 'b'),
      node('Concat', 'a b rest', 'target', { axis: int(0) }),
      node('Reshape', 'x target', 'y'),
    ],
    initializers: {
      zero: int64([], [0]),
      one: int64([], [1]),
      two: int64([], [-2]),
      zeros: sizes(0),
      rest: sizes(-1),
    },
  },
  'a channel shuffle, with sizes cast and divided in the graph': {
    input: ['n', 4, 2, 2],
    nodes: [
      node('Shape', 'x', 'shape'),
      node('Gather', 'shape zero', 'n'),
      node('Gather', 'shape one', 'c'),
      node('Div', 'c two', 'half'),
      node('Cast', 'half', 'whole', { to: int(7) }),
      node('Unsqueeze', 'n zeros', 'a'),
      node('Unsqueeze', 'whole zeros', 'b'),
      node('Concat', 'a group b tail', 'target', { axis: int(0) }),
      node('Reshape', 'x target', 'apart'),
      node('Transpose', 'apart', 'swapped', { perm: ints(0, 2, 1, 3, 4) }),
      node('Reshape', 'swapped back', 'y'),
    ],
    initializers: {
      zero: int64([], [0]),
      one: int64([], [1]),
      two: int64([], [2]),
      zeros: sizes(0),
      group: sizes(2),
      tail: sizes(2, 2),
      back: sizes(-1, 4, 2, 2),
    },
  },
  Flatten: { input: image, nodes: [node('Flatten', 'x', 'y')] },
  'Flatten from a later axis': {
    input: image,
    nodes: [node('Flatten', 'x', 'y', { axis: int(-1) })],
  },
  'a token expanded to the batch: ConstantOfShape, Mul, Equal, Where, Expand': {
    input: ['n', 3, 4],
    nodes: [
      node('Shape', 'x', 'shape'),
      node('Gather', 'shape zero', 'n'),
      node('Unsqueeze', 'n zeros', 'first'),
      node('Concat', 'first minus', 'requested', { axis: int(0) }),
      node('Shape', 'requested', 'rank'),
      node('ConstantOfShape', 'rank', 'ones', { value: tensorOf(sizes(1)) }),
      node('Mul', 'ones negative', 'negatives'),
      node('Equal', 'requested negatives', 'isOpen'),
      node('Where', 'isOpen ones requested', 'target'),
      node('Expand', 'token target', 'tokens'),
      node('Concat', 'tokens x', 'y', { axis: int(1) }),
    ],
    initializers: {
      zero: int64([], [0]),
      zeros: sizes(0),
      minus: sizes(-1, -1),
      negative: int64([], [-1]),
      token: randomTensor([1, 1, 4], 'token'),
    },
  },
  'a slice that keeps the whole batch, as converters from TensorFlow write it': {
    input: image,
    nodes: [node('Slice', 'x from to axes steps', 'y')],
    initializers: {
      from: sizes(0, 0, 1, 1),
      to: sizes(toEnd, 2 ** 31 - 1, 5, 6),
      axes: sizes(0, 1, 2, 3),
      steps: sizes(1, 1, 1, 2),
    },
  },
  'zeros in the shape of a part of x': {
    input: matrix,
    nodes: [
      node('Shape', 'x', 'shape'),
      node('ConstantOfShape', 'shape', 'zeros'),
      node('Sub', 'zeros x', 'y'),
    ],
  },
}

test.each(Object.entries(dynamicShapes))(
  'sizes computed in the graph are supported: %s',
  async (_, parts) => {
    for (const opset of [13, 17]) await expectSame({ ...parts, opset })
  },
)

test('a squeeze without axes keeps the batch, even of size 1', async () => {
  const graph = onnxGraph({
    input: image,
    nodes: [node('GlobalAveragePool', 'x', 'p'), node('Squeeze', 'p', 'y')],
  })
  const imported = await importGraph(graph, { name: 'm.onnx' })
  const session = await Session.compile(imported.outputs, imported.inputs)
  for (const batch of [1, 3])
    expect((await session.run({ x: randomTensor([batch, 3, 6, 6], 'x') }))['y']!.shape).toEqual([
      batch,
      3,
    ])
  await session.release()
})

describe('a file is rejected', () => {
  const read = (parts: GraphParts): Promise<unknown> =>
    importGraph(onnxGraph(parts), { name: 'm.onnx' })

  test('for an unknown operator', async () => {
    await expect(
      read({ input: matrix, nodes: [node('Unique', 'x', 'y')] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: robench cannot differentiate the operator Unique "Unique_y" (its result has a shape that depends on the values of its input); black-box attacks, which need no gradient, still work]`,
    )
  })
  test('for an operator set that is too old', async () => {
    await expect(
      read({ opset: 5, input: matrix, nodes: [node('Relu', 'x', 'y')] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: Relu "Relu_y" is in operator set 5, but robench supports sets 6 to 26; convert the model (onnx.version_converter), or export it again with opset_version=17; black-box attacks, which need no gradient, still work]`,
    )
  })
  test('for an operator of another domain', async () => {
    await expect(
      read({ input: matrix, nodes: [node('Relu', 'x', 'y', {}, 'com.example')] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: robench cannot differentiate the operator com.example.Relu "Relu_y"; black-box attacks, which need no gradient, still work]`,
    )
  })
  test('for a value that no node computes', async () => {
    await expect(
      read({ input: matrix, nodes: [node('Relu', 'z', 'y')] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: malformed graph: Relu "Relu_y" reads "z", which no earlier node computes]`,
    )
  })
  test('for an output that no node computes', async () => {
    await expect(
      read({ input: matrix, nodes: [node('Relu', 'x', 'z')] }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: malformed graph: no node computes the output "y"]`,
    )
  })
  test('for a shape that depends on pixels', async () => {
    const nodes = [node('Cast', 'x', 'shape', { to: int(7) }), node('Reshape', 'x shape', 'y')]
    await expect(read({ input: matrix, nodes })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: Reshape "Reshape_y": the target shape must be known before the run, but depends on input values; export it again with a fixed image size and do_constant_folding=True]`,
    )
  })
  test('for shapes that do not fit', async () => {
    const nodes = [node('MatMul', 'x w', 'y')]
    await expect(
      read({ input: matrix, nodes, initializers: { w: randomTensor([5, 2], 'w') } }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: MatMul "MatMul_y": cannot multiply shapes [n, 6] and [5, 2]]`,
    )
  })
  test('for statistics per pixel', async () => {
    const nodes = [
      node('BatchNormalization', 'x scale bias mean variance', 'y', { spatial: int(0) }),
    ]
    await expect(
      read({ opset: 7, input: image, nodes, initializers: statistics }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: BatchNormalization "BatchNormalization_y": spatial = 0 (statistics per pixel) is not supported]`,
    )
  })
  test('for a graph attribute', async () => {
    const nodes = [node('Identity', 'x', 'y', { body: { type: 'unsupported', value: 'GRAPH' } })]
    await expect(read({ input: matrix, nodes })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: Identity "Identity_y": attribute "body" of type GRAPH is not supported]`,
    )
  })
})
