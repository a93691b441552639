/** Graphs that are more than a sorted list of operators: control flow, functions, computed sizes. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  FunctionProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
} from 'onnx-buf'
import { describe, expect, test } from 'vitest'
import { importGraph } from '../../../../core/engine/graph/import.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { readOnnx, writeOnnx } from '../../../../core/engine/onnx/file.ts'
import type { OnnxAttribute, OnnxNode } from '../../../../core/engine/onnx/graph.ts'
import { int64, tensor, type Tensor } from '../../../../core/engine/tensor/tensor.ts'
import { expectSame } from '../../../support/imported.ts'
import {
  int,
  ints,
  node,
  onnxGraph,
  randomTensor,
  sizes,
  type GraphParts,
} from '../../../support/onnx-file.ts'

const image = ['n', 3, 4, 4] as const
const scalar = (value: number): Tensor => int64([], [value])
const bool = (value: boolean): Tensor => tensor('bool', [], Uint8Array.of(Number(value)))

/** A graph attribute; the inputs are those of a loop: the iteration, the condition, and values. */
function body(
  inputs: readonly string[],
  nodes: readonly OnnxNode[],
  outputs: readonly string[],
): OnnxAttribute {
  const info = (name: string) => ({ name, dtype: null, shape: null })
  const types = ['int64', 'bool', 'float32'] as const
  return {
    type: 'graph',
    value: {
      inputs: inputs.map((name, i) => ({
        name,
        dtype: types[i]!,
        shape: i < 2 ? [] : [null, 3, 4, 4],
      })),
      outputs: outputs.map(info),
      initializers: new Map(),
      nodes,
    },
  }
}

const branches = {
  then_branch: body([], [node('Relu', 'x', 't')], ['t']),
  else_branch: body([], [node('Neg', 'x', 't')], ['t']),
}

const structures: Record<string, GraphParts> = {
  'nodes in reverse order': {
    input: image,
    nodes: [node('Neg', 'b', 'y'), node('Tanh', 'a', 'b'), node('Relu', 'x', 'a')],
  },
  'If with a constant condition': {
    input: image,
    nodes: [node('If', 'c', 'y', branches)],
    initializers: { c: bool(false) },
  },
  'If with a condition on a size, twice, with equal names inside': {
    input: image,
    nodes: [
      node('Shape', 'x', 's'),
      node('Gather', 's one', 'channels'),
      node('Equal', 'channels three', 'c'),
      node('If', 'c', 'a', branches),
      node('Not', 'c', 'd'),
      node('If', 'd', 'b', branches),
      node('Add', 'a b', 'y'),
    ],
    initializers: { one: scalar(1), three: scalar(3) },
  },
  'Loop with a constant number of iterations and results of each': {
    input: [...image],
    nodes: [
      node('Loop', 'count go x', 'last all', {
        body: body(
          ['i', 'c', 'v'],
          [
            node('Cast', 'i', 'f', { to: int(1) }),
            node('Add', 'v f', 'w'),
            node('Tanh', 'w', 'next'),
            node('Identity', 'c', 'more'),
            node('ReduceMean', 'next', 'mean', { axes: ints(1, 2, 3), keepdims: int(0) }),
          ],
          ['more', 'next', 'mean'],
        ),
      }),
      node('ReduceSum', 'all zeros', 'sums', { keepdims: int(0) }),
      node('Reshape', 'sums column', 'column_sums'),
      node('Add', 'last column_sums', 'y'),
    ],
    initializers: { count: scalar(3), go: bool(true), zeros: sizes(0), column: sizes(-1, 1, 1, 1) },
  },
  'Loop that ends by its condition': {
    input: image,
    nodes: [
      node('Loop', '_ go x', 'y', {
        body: body(
          ['i', 'c', 'v'],
          [node('Less', 'i two', 'more'), node('Sin', 'v', 'next')],
          ['more', 'next'],
        ),
      }),
    ],
    initializers: { go: bool(true), two: scalar(2) },
  },
  'the range of a static size': {
    input: image,
    nodes: [
      node('Shape', 'x', 's'),
      node('Gather', 's three', 'width'),
      node('Range', 'zero width one', 'places'),
      node('Cast', 'places', 'ramp', { to: int(1) }),
      node('Mul', 'x ramp', 'y'),
    ],
    initializers: { zero: scalar(0), one: scalar(1), three: scalar(3) },
  },
  'pads from constants, sizes, and arithmetic on floats': {
    input: image,
    nodes: [
      node('Shape', 'x', 's'),
      node('Slice', 's two four', 'hw'),
      node('Cast', 'hw', 'f', { to: int(1) }),
      node('Div', 'f half', 'g'),
      node('Floor', 'g', 'h'),
      node('Cast', 'h', 'extra', { to: int(7) }),
      node('Concat', 'none none extra none none extra', 'pads', { axis: int(0) }),
      node('ScatterElements', 'pads at zero', 'changed'),
      node('Slice', 'changed first last', 'own'),
      node('Pad', 'x own', 'y'),
    ],
    initializers: {
      two: sizes(2),
      four: sizes(4),
      half: tensor('float32', [], Float32Array.of(3)),
      none: sizes(0),
      at: sizes(3),
      zero: sizes(0),
      first: sizes(0),
      last: sizes(8),
    },
  },
  'a target shape with the batch in arithmetic': {
    input: image,
    nodes: [
      node('Shape', 'x', 's'),
      node('Mul', 's factors', 'm'),
      node('ReduceProd', 'rest', 'p', { keepdims: int(1) }),
      node('Slice', 'm zero one', 'rows'),
      node('Abs', 'rows', 'r'),
      node('Concat', 'r p', 'target', { axis: int(0) }),
      node('Reshape', 'x target', 'y'),
    ],
    initializers: {
      factors: sizes(2, 1, 1, 1),
      rest: sizes(3, 4, 2),
      zero: sizes(0),
      one: sizes(1),
    },
  },
  'a table from an operator without a rule': {
    input: image,
    nodes: [
      node('Shape', 'x', 's'),
      node('Unique', 's', 'values'),
      node('Cast', 'values', 'f', { to: int(1) }),
      node('ReduceMax', 'f', 'top', { keepdims: int(0) }),
      node('Slice', 's one two', 'c'),
      node('NonZero', 'c', 'nz'),
      node('Cast', 'nz', 'g', { to: int(1) }),
      node('ReduceSum', 'g', 'z', { keepdims: int(0) }),
      node('Add', 'x z', 'y'),
    ],
    initializers: { one: sizes(1), two: sizes(2) },
  },
}

test.each(Object.entries(structures))('%s: as in onnxruntime', async (_, parts) => {
  await expectSame(parts)
})

/** The bytes of x → f(x), where f calls g twice, with an attribute and its default. */
function fileWithFunctions(): Uint8Array {
  const call = (name: string): OnnxNode[] => [node(name, 'x', 'y', {}, 'local')]
  const graph = { ...onnxGraph({ input: image, nodes: call('f') }), domains: ['local'] }
  const model = fromBinary(ModelProtoSchema, writeOnnx(graph))
  const slope = (value: number, reference = '') =>
    create(AttributeProtoSchema, {
      name: reference === '' ? 'slope' : 'alpha',
      type: AttributeType.FLOAT,
      f: value,
      refAttrName: reference,
    })
  const inner = (opType: string, domain: string, from: string, to: string, own = [slope(0)]) =>
    create(NodeProtoSchema, {
      opType,
      domain,
      input: [from],
      output: [to],
      attribute: own.filter(({ f, refAttrName }) => f !== 0 || refAttrName !== ''),
    })
  const opsetImport = ['', 'local'].map((domain) =>
    create(OperatorSetIdProtoSchema, { domain, version: domain === '' ? 17n : 1n }),
  )
  model.functions = [
    create(FunctionProtoSchema, {
      name: 'f',
      domain: 'local',
      input: ['a'],
      output: ['b'],
      node: [inner('g', 'local', 'a', 'h', [slope(0.5)]), inner('g', 'local', 'h', 'b')],
      opsetImport,
    }),
    create(FunctionProtoSchema, {
      name: 'g',
      domain: 'local',
      input: ['a'],
      output: ['b'],
      attributeProto: [slope(0.25)],
      node: [inner('LeakyRelu', '', 'a', 'h', [slope(0, 'slope')]), inner('Neg', '', 'h', 'b')],
      opsetImport,
    }),
  ]
  return toBinary(ModelProtoSchema, model)
}

test('local functions are inlined, with attributes and defaults', async () => {
  const bytes = fileWithFunctions()
  const graph = readOnnx(bytes, 'm.onnx')
  expect(graph.nodes.map(({ op }) => op)).toEqual(['LeakyRelu', 'Neg', 'LeakyRelu', 'Neg'])
  const imported = await importGraph(graph, { name: 'm.onnx' })
  const own = await Session.compile(imported.outputs, imported.inputs)
  const file = await Session.load(bytes)
  const feed = { x: randomTensor([2, 3, 4, 4], 'x') }
  expect((await own.run(feed))['y']!.data).toEqual((await file.run(feed))['y']!.data)
  await own.release()
  await file.release()
})

test('a function that calls itself is an error', () => {
  const model = fromBinary(ModelProtoSchema, fileWithFunctions())
  for (const item of model.functions[1]!.node) Object.assign(item, { opType: 'g', domain: 'local' })
  expect(() => readOnnx(toBinary(ModelProtoSchema, model), 'm.onnx')).toThrow(
    'm.onnx: local function "g" is nested more than 64 times, or calls itself',
  )
})

test('a long chain is imported in linear time, without recursion', async () => {
  const nodes = Array.from({ length: 20_000 }, (_, i) =>
    node('Neg', i === 0 ? 'x' : `t${i}`, i === 19_999 ? 'y' : `t${i + 1}`),
  )
  const graph = readOnnx(writeOnnx(onnxGraph({ input: image, nodes: nodes.toReversed() })), 'm')
  const { outputs } = await importGraph(graph, { name: 'm.onnx' })
  let [depth, value] = [0, outputs['y']!]
  for (; value.node.inputs[0]; value = value.node.inputs[0]) depth += 1
  expect(depth).toBe(20_000)
})

describe('what stands in the way', () => {
  const read = (parts: GraphParts): Promise<unknown> =>
    importGraph(onnxGraph(parts), { name: 'm.onnx' })

  test('is named at once, with advice', async () => {
    const nodes = [
      node('Compress', 'x all', 'a', { axis: int(1) }),
      node('FusedSomething', 'a', 'b', {}, 'com.microsoft'),
      node('Relu', 'b', 'c'),
      node('Compress', 'c all', 'd', { axis: int(1) }),
      node('aten_hop', 'd', 'y', {}, 'pkg.torch'),
    ]
    const all = tensor('bool', [3], Uint8Array.of(1, 1, 1))
    await expect(
      read({ input: image, nodes, initializers: { all } }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: robench cannot differentiate 3 operators: Compress "Compress_a" (2 nodes) (its result has a shape that depends on the values of its input), com.microsoft.FusedSomething "FusedSomething_b", pkg.torch.aten_hop "aten_hop_y"; use the file from before onnxruntime's optimizer; export it again with torch.onnx.export(..., dynamo=False); black-box attacks, which need no gradient, still work]`,
    )
  })
  test('includes conditions that depend on the input', async () => {
    const nodes = [
      node('ReduceSum', 'x', 'sum', { keepdims: int(0) }),
      node('Greater', 'sum zero', 'c'),
      node('If', 'c', 'y', branches),
    ]
    const zero = tensor('float32', [], Float32Array.of(0))
    await expect(
      read({ input: image, nodes, initializers: { zero } }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: If "If_y": its condition depends on the values of the input; export the model by tracing, without torch.jit.script; black-box attacks, which need no gradient, still work]`,
    )
  })
  test('includes weights of unsupported types', async () => {
    const graph = onnxGraph({ input: image, nodes: [node('Add', 'x w', 'y')] })
    await expect(
      importGraph({ ...graph, unreadable: new Map([['w', 'BFLOAT16']]) }, { name: 'm.onnx' }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[GraphError: m.onnx: Add "Add_y" reads "w", which has the unsupported element type BFLOAT16; export it again in float32 or float16; black-box attacks, which need no gradient, still work]`,
    )
  })
})
