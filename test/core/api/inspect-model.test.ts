/** What `inspectModel` reports about files whose facts are known by hand. */
import { expect, test } from 'vitest'
import { formatInspection } from '../../../cli/format-inspection.ts'
import { inspectModel } from '../../../core/api/program/inspect-model.ts'
import { writeOnnx, type OnnxAttribute, type OnnxNode } from '../../../core/engine/onnx/file.ts'
import { float32, tensor } from '../../../core/engine/tensor/tensor.ts'
import { ints, node, onnxGraph, randomTensor, type GraphParts } from '../../support/onnx-file.ts'

const mean = float32([1, 3, 1, 1], Float32Array.of(0.5, 0.25, 0.125))
const std = float32([3, 1, 1], Float32Array.of(0.5, 2, 4))

/** (x − mean) / std, a convolution to [4, 2, 2], and a product to 5 logits. */
const parts: GraphParts = {
  input: ['n', 3, 4, 4],
  nodes: [
    node('Sub', 'x mean', 'c'),
    node('Div', 'c std', 's'),
    node('Conv', 's w', 'f', { strides: ints(2, 2), pads: ints(1, 1, 1, 1) }),
    node('Relu', 'f', 'r'),
    node('Flatten', 'r', 'flat'),
    node('MatMul', 'flat v', 'y'),
  ],
  initializers: { mean, std, w: randomTensor([4, 3, 3, 3], 'w'), v: randomTensor([16, 5], 'v') },
}

test('counts operators, parameters, and multiply-adds, and reads normalization and head', async () => {
  const found = await inspectModel(writeOnnx(onnxGraph(parts)))
  // 16 outputs of 27 taps, and 16 × 5; the gradient repeats both.
  expect(found.multiplyAdds).toEqual({ forward: 16 * 27 + 80, withGradient: 2 * (16 * 27 + 80) })
  expect(found.parameters).toBe(3 + 3 + 108 + 80)
  expect(found.operators).toEqual(
    ['Conv', 'Div', 'Flatten', 'MatMul', 'Relu', 'Sub'].map((operator) => ({
      operator,
      count: 1,
      derivative: 'exact',
    })),
  )
  expect(found.normalization).toEqual({
    kind: 'affine',
    mean: [0.5, 0.25, 0.125],
    std: [0.5, 2, 4],
  })
  expect(found.head).toEqual({ operators: ['Conv', 'Relu', 'MatMul'], output: 'logits' })
  expect(found.gradient).toMatchObject({ available: true })
  const [one, many] = found.memory
  expect([one!.batch, many!.batch]).toEqual([1, 64])
  expect(many!.bytes).toBeGreaterThan(one!.bytes)
})

test('a normalization as x · a + b has the same mean and deviation', async () => {
  const nodes = [node('Mul', 'x a', 'm'), node('Add', 'b m', 'c'), node('Flatten', 'c', 'f')]
  const graph = onnxGraph({
    input: ['n', 3, 4, 4],
    nodes: [...nodes, node('MatMul', 'f v', 'y')],
    initializers: {
      a: float32([], Float32Array.of(4)),
      b: float32([1], Float32Array.of(-2)),
      v: randomTensor([48, 5], 'v'),
    },
  })
  const { normalization } = await inspectModel(writeOnnx(graph))
  expect(normalization).toEqual({ kind: 'affine', mean: [0.5], std: [0.25] })
})

test('names what prevents a gradient, in lines of at most 80 characters', async () => {
  const nodes = [
    node('NonZero', 'x', 'z'),
    node('Cast', 'z', 'c', { to: { type: 'int', value: 1 } }),
    node('ReduceSum', 'c', 's'),
    node('Flatten', 'x', 'f'),
    node('Add', 'f s', 'a'),
    node('MatMul', 'a v', 'l'),
    node('Softmax', 'l', 'y'),
  ]
  const bytes = writeOnnx(
    onnxGraph({
      input: [1, 3, 4, 4],
      nodes,
      initializers: { v: randomTensor([48, 5], 'v') },
    }),
  )
  const found = await inspectModel(bytes, undefined, { name: 'm.onnx' })
  expect(found.gradient).toMatchObject({
    available: false,
    reason: expect.stringContaining('NonZero'),
  })
  expect(found.operators).toContainEqual({ operator: 'NonZero', count: 1, derivative: 'none' })
  expect(found.head).toEqual({ operators: ['Add', 'MatMul', 'Softmax'], output: 'probabilities' })
  const text = formatInspection('m.onnx', found, 80)
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
  expect(text).toContain('gradient       not available: ')
})

test('a branch whose condition is known is listed in place of its If', async () => {
  const branch = (output: string, nodes: readonly OnnxNode[]): OnnxAttribute => ({
    type: 'graph',
    value: {
      inputs: [],
      outputs: [{ name: output, dtype: 'float32', shape: null }],
      initializers: new Map(),
      nodes,
    },
  })
  const nodes = [
    node('Flatten', 'x', 'f'),
    node('If', 'on', 'y', {
      then_branch: branch('t', [node('MatMul', 'f v', 'm'), node('Tanh', 'm', 't')]),
      else_branch: branch('e', [node('MatMul', 'f v', 'n'), node('Softmax', 'n', 'e')]),
    }),
  ]
  const initializers = {
    v: randomTensor([48, 5], 'v'),
    on: tensor('bool', [], Uint8Array.of(1)),
  }
  const graph = onnxGraph({ input: ['n', 3, 4, 4], nodes, initializers })
  const { operators, head, gradient } = await inspectModel(writeOnnx(graph))
  expect(gradient).toMatchObject({ available: true })
  expect(operators.map(({ operator, derivative }) => `${operator}: ${derivative}`)).toEqual([
    'Flatten: exact',
    'Identity: exact',
    'MatMul: exact',
    'Tanh: exact',
  ])
  expect(head).toEqual({ operators: ['MatMul', 'Tanh'], output: 'logits' })
})
