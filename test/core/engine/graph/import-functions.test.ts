/** Imported normalizations, activations and pools give the results of onnxruntime. */
import { describe, test } from 'vitest'
import { float32, int64 } from '../../../../core/engine/tensor/tensor.ts'
import { expectSame } from '../../../support/imported.ts'
import {
  float,
  floats,
  int,
  ints,
  node,
  randomTensor,
  sizes,
  text,
  type GraphParts,
} from '../../../support/onnx-file.ts'

const image = ['n', 4, 6, 6]
const matrix = ['n', 6]
const vectors = { scale: randomTensor([4], 's'), bias: randomTensor([4], 'b') }

/** The forms of each operator and their operator sets. */
const forms: Record<string, [opsets: number[], parts: Omit<GraphParts, 'opset'>][]> = {
  LayerNormalization: [
    [
      [17, 18, 25, 26],
      {
        input: ['n', 3, 4],
        nodes: [node('LayerNormalization', 'x scale bias', 'y')],
        initializers: vectors,
      },
    ],
  ],
  InstanceNormalization: [
    [
      [7, 18, 26],
      {
        input: image,
        nodes: [node('InstanceNormalization', 'x scale bias', 'y')],
        initializers: vectors,
      },
    ],
  ],
  GroupNormalization: [
    [
      [21, 26],
      {
        input: image,
        nodes: [node('GroupNormalization', 'x scale bias', 'y', { num_groups: int(2) })],
        initializers: vectors,
      },
    ],
    [
      [18, 20],
      {
        input: image,
        nodes: [node('GroupNormalization', 'x scale bias', 'y', { num_groups: int(2) })],
        initializers: { scale: float32([2], [0.5, 2]), bias: float32([2], [1, -1]) },
      },
    ],
  ],
  RMSNormalization: [
    [
      [23, 26],
      {
        input: ['n', 3, 4],
        nodes: [node('RMSNormalization', 'x scale', 'y')],
        initializers: { scale: vectors.scale },
      },
    ],
  ],
  LRN: [
    [
      [7, 13, 26],
      { input: image, nodes: [node('LRN', 'x', 'y', { size: int(3), alpha: float(0.5) })] },
    ],
  ],
  Mean: [
    [
      [8, 13, 26],
      {
        input: matrix,
        nodes: [node('Mean', 'x c', 'y')],
        initializers: { c: randomTensor([6], 'c') },
      },
    ],
  ],
  Hardmax: [[[7, 11, 13, 26], { input: matrix, nodes: [node('Hardmax', 'x', 'y')] }]],
  LpNormalization: [[[7, 22], { input: matrix, nodes: [node('LpNormalization', 'x', 'y')] }]],
  GlobalLpPool: [
    [[7, 18], { input: image, nodes: [node('GlobalLpPool', 'x', 'y', { p: int(3) })] }],
  ],
  LpPool: [
    [
      [7, 11, 18, 22],
      {
        input: image,
        nodes: [node('LpPool', 'x', 'y', { kernel_shape: ints(2, 3), pads: ints(1, 0, 0, 1) })],
      },
    ],
  ],
  AveragePool: [
    [
      [19, 22, 26],
      {
        input: image,
        nodes: [
          node('AveragePool', 'x', 'y', {
            kernel_shape: ints(2, 3),
            dilations: ints(2, 2),
            pads: ints(1, 1, 1, 1),
          }),
        ],
      },
    ],
    [
      [19, 26],
      {
        input: image,
        nodes: [
          node('AveragePool', 'x', 'y', {
            kernel_shape: ints(2, 2),
            dilations: ints(2, 1),
            strides: ints(2, 2),
            pads: ints(1, 1, 1, 1),
            ceil_mode: int(1),
            count_include_pad: int(1),
          }),
        ],
      },
    ],
  ],
  TopK: [
    [[7, 9], { input: matrix, nodes: [node('TopK', 'x', 'y i', { k: int(2) })] }],
    [
      [10, 11, 24],
      {
        input: matrix,
        nodes: [node('TopK', 'x k', 'y i')],
        initializers: { k: sizes(2) },
      },
    ],
  ],
  'Range of a symbolic size': [
    [
      [11, 17, 26],
      {
        input: matrix,
        nodes: [
          node('Shape', 'x', 's'),
          node('Gather', 's zero', 'n'),
          node('Range', 'zero n one', 'i'),
          node('Cast', 'i', 'f', { to: int(1) }),
          node('Reshape', 'f column', 'c'),
          node('Add', 'x c', 'y'),
        ],
        initializers: { zero: int64([], [0]), one: int64([], [1]), column: sizes(-1, 1) },
      },
    ],
  ],
  'Tile of a class token': [
    [
      [13, 26],
      {
        input: ['n', 2, 3],
        nodes: [
          node('Shape', 'x', 's'),
          node('Slice', 's from to', 'n'),
          node('Concat', 'n ones', 'r', { axis: int(0) }),
          node('Tile', 't r', 'tokens'),
          node('Concat', 'tokens x', 'y', { axis: int(1) }),
        ],
        initializers: {
          t: randomTensor([1, 1, 3], 't'),
          from: sizes(0),
          to: sizes(1),
          ones: sizes(1, 1),
        },
      },
    ],
  ],
  GatherND: [
    [
      [12, 13, 26],
      {
        input: ['n', 3, 4],
        nodes: [
          node('ArgMax', 'x', 'i', { axis: int(2) }),
          node('GatherND', 'x i', 'y', { batch_dims: int(2) }),
        ],
      },
    ],
  ],
  ReduceProd: [
    [[7, 13], { input: matrix, nodes: [node('ReduceProd', 'x', 'y', { axes: ints(1) })] }],
    [
      [18, 26],
      {
        input: matrix,
        nodes: [node('ReduceProd', 'x axes', 'y')],
        initializers: { axes: sizes(1) },
      },
    ],
  ],
  CastLike: [[[15, 19, 26], { input: matrix, nodes: [node('CastLike', 'x x', 'y')] }]],
  Upsample: [
    [
      [7, 8],
      { input: image, nodes: [node('Upsample', 'x', 'y', { scales: floats(1, 1, 2, 1.5) })] },
    ],
    [
      [9],
      {
        input: image,
        nodes: [node('Upsample', 'x s', 'y', { mode: text('linear') })],
        initializers: { s: float32([4], [1, 1, 2, 2]) },
      },
    ],
  ],
  Resize: [
    ...[
      [1, 1, 2, 2],
      [1, 1, 0.5, 0.7],
    ].map((scales): [number[], Omit<GraphParts, 'opset'>] => [
      [10],
      {
        input: image,
        nodes: [node('Resize', 'x s', 'y')],
        initializers: { s: float32([4], scales) },
      },
    ]),
    [
      [11],
      {
        input: image,
        nodes: [node('Resize', 'x region s', 'y')],
        initializers: { region: float32([0], []), s: float32([4], [1, 1, 2, 2]) },
      },
    ],
    [
      [13, 18, 26],
      {
        input: image,
        nodes: [node('Resize', 'x _ s', 'y', { mode: text('cubic') })],
        initializers: { s: float32([4], [1, 1, 1.5, 2]) },
      },
    ],
    [
      [13, 19],
      {
        input: image,
        nodes: [
          node('Shape', 'x', 'shape'),
          node('Slice', 'shape from to', 'nc'),
          node('Concat', 'nc hw', 'size', { axis: int(0) }),
          node('Resize', 'x _ _ size', 'y', { mode: text('linear') }),
        ],
        initializers: { from: sizes(0), to: sizes(2), hw: sizes(9, 4) },
      },
    ],
  ],
  MaxPool: [
    [
      [8, 17, 22],
      {
        input: image,
        nodes: [node('MaxPool', 'x', 'y', { kernel_shape: ints(2, 2), storage_order: int(1) })],
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
