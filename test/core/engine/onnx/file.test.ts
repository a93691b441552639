/** ONNX files round-trip; other files are rejected with a reason. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  SparseTensorProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
} from 'onnx-buf'
import { describe, expect, test } from 'vitest'
import {
  readOnnx,
  writeOnnx,
  type OnnxAttribute,
  type OnnxGraph,
} from '../../../../core/engine/onnx/file.ts'
import { Session } from '../../../../core/engine/graph/session.ts'
import { dataTypes, newData } from '../../../../core/engine/onnx/tensor-data.ts'
import { float32, sizeOf, type DType, type Tensor } from '../../../../core/engine/tensor/tensor.ts'
import { node, onnxGraph, randomTensor } from '../../../support/onnx-file.ts'

const dtypes = Object.keys(dataTypes) as DType[]

/** Any tensor, any bits. */
const tensors: fc.Arbitrary<Tensor> = fc
  .record({
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
  })
  .chain(({ dtype, shape }) => {
    const data = newData(dtype, sizeOf(shape))
    return fc
      .uint8Array({ minLength: data.byteLength, maxLength: data.byteLength })
      .map((bytes) => {
        new Uint8Array(data.buffer).set(bytes)
        return { dtype, shape, data }
      })
  })

const whole = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const single = fc.float({ noNaN: true })
const attributes: fc.Arbitrary<OnnxAttribute> = fc.oneof(
  fc.record({ type: fc.constant('int' as const), value: whole }),
  fc.record({ type: fc.constant('float' as const), value: single }),
  fc.record({ type: fc.constant('ints' as const), value: fc.array(whole) }),
  fc.record({ type: fc.constant('floats' as const), value: fc.array(single) }),
  fc.record({ type: fc.constant('string' as const), value: fc.string({ unit: 'grapheme' }) }),
  fc.record({ type: fc.constant('strings' as const), value: fc.array(fc.string()) }),
  fc.record({ type: fc.constant('tensor' as const), value: tensors }),
)

const valueInfos = fc.record({
  name: fc.string({ minLength: 1 }).map((name) => `value ${name}`),
  dtype: fc.constantFrom(...dtypes, null),
  shape: fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom('n', '4*n', null))),
})

describe('a written file is read back', () => {
  test('with tensors of all types, bit for bit', () => {
    fc.assert(
      fc.property(fc.array(tensors, { maxLength: 4 }), (list) => {
        const initializers = new Map(list.map((value, i) => [`t${i}`, value]))
        const back = readOnnx(writeOnnx(graphOf({ initializers })), 'a.onnx').initializers
        expect([...back.keys()]).toEqual([...initializers.keys()])
        for (const [name, value] of initializers) expectSameTensor(back.get(name)!, value)
      }),
    )
  })

  test('with attributes of all types', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ minLength: 1 }).map((key) => `k${key}`),
          attributes,
        ),
        (given) => {
          const node = {
            name: 'n1',
            op: 'Op',
            domain: '',
            inputs: ['x', ''],
            outputs: ['y'],
            attributes: given,
          }
          const back = readOnnx(writeOnnx(graphOf({ nodes: [node] })), 'a.onnx').nodes[0]!
          expect(Object.keys(back.attributes)).toEqual(Object.keys(given))
          for (const [key, attribute] of Object.entries(given)) {
            const read = back.attributes[key]!
            if (attribute.type === 'tensor' && read.type === 'tensor')
              expectSameTensor(read.value, attribute.value)
            else expect(read).toEqual(attribute)
          }
        },
      ),
    )
  })

  test('with numbers, symbols and unknown sizes in shapes', () => {
    fc.assert(
      fc.property(fc.array(valueInfos), fc.array(valueInfos), (inputs, outputs) => {
        const back = readOnnx(writeOnnx(graphOf({ inputs, outputs })), 'a.onnx')
        // Without an element type, a file cannot store a shape.
        const kept = (infos: typeof inputs): unknown =>
          infos.map((info) => (info.dtype === null ? { ...info, shape: null } : info))
        expect(back.inputs).toEqual(kept(inputs))
        expect(back.outputs).toEqual(kept(outputs))
      }),
    )
  })

  test('with names, domains and omitted inputs of nodes', () => {
    const nodes = [
      {
        name: 'first',
        op: 'Clip',
        domain: '',
        inputs: ['x', '', 'high'],
        outputs: ['a'],
        attributes: {},
      },
      {
        name: '',
        op: 'FusedMatMul',
        domain: 'com.microsoft',
        inputs: ['a', 'a'],
        outputs: ['y', ''],
        attributes: {},
      },
    ]
    const back = readOnnx(writeOnnx(graphOf({ nodes })), 'a.onnx')
    expect(back.nodes).toEqual(nodes)
    expect(back.opset).toBe(17)
  })
})

test('the standard domain can be ai.onnx, and initializers are not inputs', () => {
  const model = fromBinary(
    ModelProtoSchema,
    writeOnnx(
      graphOf({
        initializers: new Map([['w', float32([1], [1])]]),
        inputs: [
          { name: 'x', dtype: 'float32', shape: [1] },
          { name: 'w', dtype: 'float32', shape: [1] },
        ],
      }),
    ),
  )
  model.opsetImport[0]!.domain = 'ai.onnx'
  model.graph!.node[0]!.domain = 'ai.onnx'
  const graph = readOnnx(toBinary(ModelProtoSchema, model), 'a.onnx')
  expect({
    opset: graph.opset,
    domains: graph.domains,
    domain: graph.nodes[0]!.domain,
    inputs: graph.inputs.map(({ name }) => name),
  }).toEqual({ opset: 17, domains: [], domain: '', inputs: ['x'] })
})

test('values in typed lists, as old exporters write them, are read', () => {
  const model = fromBinary(ModelProtoSchema, writeOnnx(graphOf({})))
  model.graph!.initializer = [
    { name: 'float32', dataType: DataType.FLOAT, dims: [2n], floatData: [1.5, -2] },
    { name: 'float64', dataType: DataType.DOUBLE, dims: [1n], doubleData: [0.1] },
    { name: 'int64', dataType: DataType.INT64, dims: [2n], int64Data: [-1n, 2n ** 62n] },
    { name: 'uint64', dataType: DataType.UINT64, dims: [1n], uint64Data: [7n] },
    { name: 'uint32', dataType: DataType.UINT32, dims: [1n], uint64Data: [4294967295n] },
    { name: 'int32', dataType: DataType.INT32, dims: [1n], int32Data: [-3] },
    { name: 'uint8', dataType: DataType.UINT8, dims: [2n], int32Data: [255, 0] },
    { name: 'bool', dataType: DataType.BOOL, dims: [2n], int32Data: [1, 0] },
    { name: 'float16', dataType: DataType.FLOAT16, dims: [1n], int32Data: [0x3c00] },
  ].map(
    (item) => create(ModelProtoSchema, { graph: { initializer: [item] } }).graph!.initializer[0]!,
  )
  const { initializers } = readOnnx(toBinary(ModelProtoSchema, model), 'a.onnx')
  const contents = Object.fromEntries(
    [...initializers].map(([name, { data }]) => [name, [...data]]),
  )
  expect(contents).toEqual({
    float32: [1.5, -2],
    float64: [0.1],
    int64: [-1n, 2n ** 62n],
    uint64: [7n],
    uint32: [4294967295],
    int32: [-3],
    uint8: [255, 0],
    bool: [1, 0],
    float16: [0x3c00],
  })
})

test('a Buffer or a slice of one is read like other bytes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'robench-'))
  try {
    const weights = float32([3], [1, 2, 3])
    const bytes = writeOnnx(graphOf({ initializers: new Map([['w', weights]]) }))
    // Small reads share one pool at unaligned offsets.
    writeFileSync(join(folder, 'a.onnx'), Buffer.concat([Buffer.from('123'), bytes]))
    const read = readOnnx(readFileSync(join(folder, 'a.onnx')).subarray(3), 'a.onnx')
    expect(read.initializers.get('w')).toEqual(weights)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe('rejects', () => {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content)
  const whole = writeOnnx(graphOf({ initializers: new Map([['w', float32([3], [1, 2, 3])]]) }))

  test('an empty file', () => {
    expect(() => readOnnx(new Uint8Array(), 'models/a.onnx')).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: models/a.onnx: expected an ONNX model, but it is empty; export it again (torch.onnx.export, tf2onnx) and check that the file is complete]`,
    )
  })
  test('a truncated file', () => {
    expect(() =>
      readOnnx(whole.subarray(0, whole.length - 5), 'models/a.onnx'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: models/a.onnx: expected an ONNX model, but it cannot be parsed (premature EOF); export it again (torch.onnx.export, tf2onnx) and check that the file is complete]`,
    )
  })
  test('a file truncated anywhere', () => {
    for (let length = 0; length < whole.length; length++) {
      let message = ''
      try {
        readOnnx(whole.subarray(0, length), 'models/a.onnx')
      } catch (error) {
        message = String(error)
      }
      // A file truncated between fields may still be valid.
      if (message !== '')
        expect(message).toMatch(/^GraphError: models\/a\.onnx: expected an ONNX model, but /)
    }
  })
  test('an HTML page', () => {
    expect(() =>
      readOnnx(text('<!doctype html><html><body>404</body></html>'), 'models/a.onnx'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: models/a.onnx: expected an ONNX model, but it is an HTML or XML page; export it again (torch.onnx.export, tf2onnx) and check that the file is complete]`,
    )
  })
  test('a zip archive, as PyTorch writes checkpoints', () => {
    expect(() =>
      readOnnx(Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8), 'models/a.onnx'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: models/a.onnx: expected an ONNX model, but it is a zip archive (a PyTorch checkpoint or a packed directory); export it again (torch.onnx.export, tf2onnx) and check that the file is complete]`,
    )
  })
  test('a Git LFS pointer', () => {
    expect(() =>
      readOnnx(
        text('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'),
        'models/a.onnx',
      ),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: models/a.onnx: expected an ONNX model, but it is a Git LFS pointer (run git lfs pull); export it again (torch.onnx.export, tf2onnx) and check that the file is complete]`,
    )
  })
  test('any bytes, always with a robench error that names the file', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => readOnnx(bytes, 'models/a.onnx')).toThrow(
          /^models\/a\.onnx: expected an ONNX model, but /,
        )
      }),
      { numRuns: 500 },
    )
  })
  test('a model without nodes', () => {
    expect(() =>
      readOnnx(writeOnnx(graphOf({ nodes: [] })), 'models/a.onnx'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: models/a.onnx: expected an ONNX model, but it contains no graph; export it again (torch.onnx.export, tf2onnx) and check that the file is complete]`,
    )
  })

  test('external data', () => {
    const model = fromBinary(ModelProtoSchema, whole)
    const weight = model.graph!.initializer[0]!
    weight.dataLocation = DataLocation.EXTERNAL
    weight.rawData = new Uint8Array()
    expect(() =>
      readOnnx(toBinary(ModelProtoSchema, model), 'models/a.onnx'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: models/a.onnx: tensor "w" is stored in another file, which these bytes do not contain; pass the path of the model, or the bytes that readOnnxFile returns]`,
    )
  })
  test('weights whose data does not match their shape', () => {
    const model = fromBinary(ModelProtoSchema, whole)
    model.graph!.initializer[0]!.dims = [4n]
    expect(() =>
      readOnnx(toBinary(ModelProtoSchema, model), 'models/a.onnx'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: models/a.onnx: expected an ONNX model, but tensor "w" of shape [4] has 12 bytes, expected 16; export it again (torch.onnx.export, tf2onnx) and check that the file is complete]`,
    )
  })
})

test('initializers of unsupported types are listed, not read', () => {
  const bytes = writeOnnx(graphOf({ initializers: new Map([['w', float32([3], [1, 2, 3])]]) }))
  const model = fromBinary(ModelProtoSchema, bytes)
  model.graph!.initializer[0]!.dataType = DataType.BFLOAT16
  const graph = readOnnx(toBinary(ModelProtoSchema, model), 'models/a.onnx')
  expect([...graph.initializers.keys()]).toEqual([])
  expect([...graph.unreadable!]).toEqual([['w', 'BFLOAT16']])
})

describe('sparse tensors', () => {
  /** MatMul of x [n, 6] with a sparse initializer, and Add of a sparse constant. */
  function sparseFile(places: readonly number[], shape: readonly number[]): Uint8Array {
    const values = { name: 'w', dims: [2n], dataType: DataType.FLOAT, floatData: [1.5, -2] }
    const indices = (dims: readonly number[], list: readonly number[]) => ({
      dims: dims.map(BigInt),
      dataType: DataType.INT64,
      int64Data: list.map(BigInt),
    })
    const sparse = { values, indices: indices(shape, places), dims: [6n, 4n] }
    const bias = { values, indices: indices([2], [3, 1]), dims: [4n] }
    const model = fromBinary(
      ModelProtoSchema,
      writeOnnx(
        onnxGraph({
          input: ['n', 6],
          nodes: [node('MatMul', 'x w', 'm'), node('Constant', '', 'b'), node('Add', 'm b', 'y')],
        }),
      ),
    )
    model.graph!.sparseInitializer = [create(SparseTensorProtoSchema, sparse)]
    model.graph!.node[1]!.attribute = [
      create(AttributeProtoSchema, {
        name: 'sparse_value',
        type: AttributeProto_AttributeType.SPARSE_TENSOR,
        sparseTensor: create(SparseTensorProtoSchema, bias),
      }),
    ]
    return toBinary(ModelProtoSchema, model)
  }

  test.each([
    ['positions', [3, 22], [2]],
    ['coordinates', [0, 3, 5, 2], [2, 2]],
  ])('with %s have the values of onnxruntime', async (_, places, shape) => {
    const bytes = sparseFile(places, shape)
    const x = randomTensor([2, 6], 'x')
    const [own, written] = [
      await Session.load(bytes),
      await Session.load(writeOnnx(readOnnx(bytes, 'm.onnx'))),
    ]
    expect((await written.run({ x }))['y']!.data).toEqual((await own.run({ x }))['y']!.data)
    await own.release()
    await written.release()
  })

  test.each([
    [[3, 24], [2], 'has an index 24 beyond 24'],
    [[0, 3, 6, 2], [2, 2], 'has an index 6 beyond 6'],
    [[0, 3, 6], [3], 'has 2 values, but indices of shape [3]'],
  ])('that do not match their shape are refused: %j', (places, shape, message) => {
    expect(() => readOnnx(sparseFile(places, shape), 'm.onnx')).toThrow(
      `m.onnx: expected an ONNX model, but sparse tensor "w" of shape [6, 4] ${message}`,
    )
  })
})

test('an unsupported attribute cannot be written', () => {
  const graph = graphOf({
    nodes: [
      {
        name: '',
        op: 'If',
        domain: '',
        inputs: ['c'],
        outputs: ['y'],
        attributes: { then_branch: { type: 'unsupported', value: 'GRAPH' } },
      },
    ],
  })
  expect(() => writeOnnx(graph)).toThrowErrorMatchingInlineSnapshot(
    `[GraphError: attribute "then_branch" of type GRAPH cannot be written]`,
  )
})

function expectSameTensor(actual: Tensor, expected: Tensor): void {
  expect(actual.dtype).toBe(expected.dtype)
  expect(actual.shape).toEqual(expected.shape)
  expect(bytesOf(actual)).toEqual(bytesOf(expected))
}

function bytesOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

function graphOf(parts: Partial<OnnxGraph>): OnnxGraph {
  return {
    opset: 17,
    domains: [],
    inputs: [],
    outputs: [{ name: 'y', dtype: 'float32', shape: [1] }],
    initializers: new Map(),
    nodes: [
      { name: '', op: 'Identity', domain: '', inputs: ['x'], outputs: ['y'], attributes: {} },
    ],
    ...parts,
  }
}
