/** Files that onnxruntime refuses: the errors say what to do. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema, TensorProtoSchema, TensorProto_DataType as DataType } from 'onnx-buf'
import { expect, test } from 'vitest'
import { writeOnnx, type OnnxGraph } from '../../../core/engine/onnx/file.ts'
import {
  int,
  node,
  onnxGraph,
  randomTensor,
  sizes,
  type GraphParts,
} from '../../support/onnx-file.ts'
import { load, loadBytes } from './load-graph.ts'

const linear: GraphParts = {
  input: ['n', 3, 4, 4],
  nodes: [node('Flatten', 'x', 'f'), node('MatMul', 'f v', 'y')],
  initializers: { v: randomTensor([48, 5], 'v') },
}

test('a custom operator is named', async () => {
  const nodes = [node('Frobnicate', 'x', 'q', {}, 'acme'), ...linear.nodes]
  const graph: OnnxGraph = { ...onnxGraph({ ...linear, nodes }), domains: ['acme'] }
  const used = nodes.map((item) => (item.op === 'Flatten' ? { ...item, inputs: ['q'] } : item))
  await expect(load({ ...graph, nodes: used })).rejects.toThrow(
    'm.onnx: onnxruntime has no operator acme.Frobnicate "Frobnicate_q"; export the model without ' +
      'custom operators, or define them in the file as functions of operators of ONNX',
  )
})

test('an operator set of the future', async () => {
  await expect(load(onnxGraph({ ...linear, opset: 99 }))).rejects.toThrow(
    'm.onnx: its operator set 99 is newer than 26, the newest that onnxruntime supports; ' +
      'export it with opset_version=26 or lower, or convert it (onnx.version_converter)',
  )
})

test('an IR version of the future, without the place in the source of onnxruntime', async () => {
  const model = fromBinary(ModelProtoSchema, writeOnnx(onnxGraph(linear)))
  model.irVersion = 99n
  await expect(loadBytes(toBinary(ModelProtoSchema, model))).rejects.toThrow(
    /^m\.onnx: onnxruntime cannot load it on "cpu": Unsupported model IR version: 99, max supported IR version: \d+; export it with an older version of the package onnx, or set model\.ir_version to a supported one in Python and save it$/,
  )
})

test('weights in bfloat16', async () => {
  const nodes = [
    node('Flatten', 'x', 'f'),
    node('Cast', 'f', 'h', { to: int(DataType.BFLOAT16) }),
    node('MatMul', 'h v', 'm'),
    node('Cast', 'm', 'y', { to: int(DataType.FLOAT) }),
  ]
  const model = fromBinary(
    ModelProtoSchema,
    writeOnnx(onnxGraph({ ...linear, nodes, initializers: {} })),
  )
  const rawData = new Uint8Array(2 * 48 * 5)
  model.graph!.initializer = [
    create(TensorProtoSchema, { name: 'v', dims: [48n, 5n], dataType: DataType.BFLOAT16, rawData }),
  ]
  await expect(loadBytes(toBinary(ModelProtoSchema, model))).rejects.toThrow(
    'it computes in bfloat16, for which onnxruntime has few kernels: export the model in float32 ' +
      '(model.float())',
  )
})

test('an LSTM with a projection, as torch.onnx.export writes it', async () => {
  const nodes = [
    node('Reshape', 'x steps', 's'),
    node('Transpose', 's', 't'),
    node('LSTM', 't w r _ _ h c', 'all last', { hidden_size: int(6) }),
    node('Squeeze', 'last first', 'y'),
  ]
  const initializers = {
    steps: sizes(1, 12, 4),
    first: sizes(0),
    w: randomTensor([1, 24, 1], 'w'),
    r: randomTensor([1, 24, 6], 'r'),
    h: randomTensor([1, 12, 6], 'h'),
    c: randomTensor([1, 12, 9], 'c'),
  }
  await expect(
    load(onnxGraph({ ...linear, input: [1, 3, 4, 4], nodes, initializers })),
  ).rejects.toThrow(
    'ONNX has no LSTM with a projection (proj_size), which torch.onnx.export does not refuse: ' +
      'use proj_size=0, or a loop over nn.LSTMCell',
  )
})
