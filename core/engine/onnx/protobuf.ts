/** Converts graphs, nodes, and attributes to and from protobuf messages. */
import { create, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf'
import { GraphError } from '../../base/errors.ts'
import { saturatedInt64, tensor, type Tensor } from '../tensor/tensor.ts'
import type { OnnxAttribute, OnnxNode, OnnxSubgraph, OnnxValueInfo } from './graph.ts'
import { dataTypes, decodeSparse, decodeTensor, encodeData, knownDtype } from './tensor-data.ts'

/** Whether a domain is that of the standard operators. */
export function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx'
}

/**
 * A graph of a file. Sparse initializers get their zeros. Initializers of unsupported types, such
 * as strings, are omitted.
 * @throws GraphError for damaged or external data
 */
export function readGraph(graph: GraphProto): OnnxSubgraph {
  const initializers = new Map<string, Tensor>()
  const unreadable = new Map<string, string>()
  for (const item of graph.initializer) {
    if (knownDtype(item.dataType)) initializers.set(item.name, readTensor(item))
    else unreadable.set(item.name, DataType[item.dataType] ?? String(item.dataType))
  }
  for (const item of graph.sparseInitializer) {
    if (item.values) initializers.set(item.values.name, readSparse(item))
  }
  const isInput = ({ name }: ValueInfoProto): boolean =>
    !initializers.has(name) && !unreadable.has(name)
  return {
    inputs: graph.input.filter(isInput).map(readValueInfo),
    outputs: graph.output.map(readValueInfo),
    initializers,
    ...(unreadable.size > 0 && { unreadable }),
    nodes: graph.node.map(readNode),
  }
}

/** The fields of a graph in a file. */
export function writeGraph(graph: OnnxSubgraph, values: readonly OnnxValueInfo[] = []): GraphProto {
  return create(GraphProtoSchema, {
    name: 'robench',
    node: graph.nodes.map(writeNode),
    initializer: [...graph.initializers].map(([key, value]) => writeTensor(key, value)),
    input: graph.inputs.map(writeValueInfo),
    output: graph.outputs.map(writeValueInfo),
    valueInfo: values.map(writeValueInfo),
  })
}

/** A node of a file. */
export function readNode(node: NodeProto): OnnxNode {
  return {
    name: node.name,
    op: node.opType,
    domain: isStandard(node.domain) ? '' : node.domain,
    ...(node.overload !== '' && { overload: node.overload }),
    inputs: node.input,
    outputs: node.output,
    attributes: Object.fromEntries(
      // The tensor has its zeros now.
      node.attribute.map((item) => [
        item.name === 'sparse_value' ? 'value' : item.name,
        readAttribute(item),
      ]),
    ),
  }
}

function writeNode(node: OnnxNode): NodeProto {
  return create(NodeProtoSchema, {
    name: node.name,
    opType: node.op,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([key, value]) => writeAttribute(key, value)),
  })
}

function readValueInfo(info: ValueInfoProto): OnnxValueInfo {
  const { name } = info
  const type = info.type?.value
  if (type === undefined || type.case === undefined) return { name, dtype: null, shape: null }
  if (type.case !== 'tensorType') {
    return { name, dtype: null, shape: null, kind: type.case.replace('Type', '') }
  }
  const shape = type.value.shape?.dim.map((dim) => {
    if (dim.value.case === 'dimValue') {
      const size = Number(dim.value.value)
      return size >= 0 ? size : null
    }
    return dim.value.case === 'dimParam' && dim.value.value !== '' ? dim.value.value : null
  })
  const { elemType } = type.value
  const dtype = knownDtype(elemType) ?? null
  const kind = dtype === null ? { kind: DataType[elemType] ?? String(elemType) } : {}
  return { name, dtype, shape: shape ?? null, ...kind }
}

function writeValueInfo(info: OnnxValueInfo): ValueInfoProto {
  if (info.dtype === null) return create(ValueInfoProtoSchema, { name: info.name })
  return create(ValueInfoProtoSchema, {
    name: info.name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: dataTypes[info.dtype],
          ...(info.shape && {
            shape: {
              dim: info.shape.map((dim) => ({
                value:
                  typeof dim === 'number'
                    ? { case: 'dimValue' as const, value: BigInt(dim) }
                    : { case: 'dimParam' as const, value: dim ?? '' },
              })),
            },
          }),
        },
      },
    },
  })
}

function readSparse(item: SparseTensorProto): Tensor {
  for (const part of [item.values, item.indices]) if (part) refuseExternal(part)
  return decodeSparse(item)
}

function readTensor(item: TensorProto): Tensor {
  refuseExternal(item)
  return decodeTensor(item)
}

/** @throws GraphError if the data is in another file */
function refuseExternal(item: TensorProto): void {
  if (item.dataLocation === DataLocation.EXTERNAL) {
    const file = item.externalData.find(({ key }) => key === 'location')?.value ?? 'another file'
    throw new GraphError(
      'ROBENCH_MODEL_FILE',
      `tensor "${item.name}" is stored in ${file}, which these bytes do not contain; ` +
        'pass the path of the model, or the bytes that readOnnxFile returns',
    )
  }
}

function writeTensor(name: string, value: Tensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: value.shape.map(BigInt),
    dataType: dataTypes[value.dtype],
    rawData: encodeData(value),
  })
}

/** The bytes of a tensor's message, in parts, of which the last is the data itself. */
export function writeTensorParts(name: string, value: Tensor): Uint8Array[] {
  const { rawData, dims, dataType } = writeTensor(name, value)
  const head = toBinary(TensorProtoSchema, create(TensorProtoSchema, { name, dims, dataType }))
  const writer = new BinaryWriter().tag(rawDataField, WireType.LengthDelimited)
  return [head, writer.uint32(rawData.length).finish(), rawData]
}

/** The number of the field `raw_data` in `onnx.proto`, the last one that is written. */
const rawDataField = 9

/** An attribute of a file. */
export function readAttribute(item: AttributeProto): OnnxAttribute {
  if (item.refAttrName !== '') return { type: 'reference', value: item.refAttrName }
  const decoder = new TextDecoder()
  switch (item.type) {
    case AttributeType.INT:
      return { type: 'int', value: Number(item.i) }
    case AttributeType.FLOAT:
      return { type: 'float', value: item.f }
    case AttributeType.INTS:
      return { type: 'ints', value: item.ints.map(Number) }
    case AttributeType.FLOATS:
      return { type: 'floats', value: item.floats }
    case AttributeType.STRING:
      return { type: 'string', value: decoder.decode(item.s) }
    case AttributeType.STRINGS:
      return { type: 'strings', value: item.strings.map((bytes) => decoder.decode(bytes)) }
    case AttributeType.TENSOR:
      if (item.t && !knownDtype(item.t.dataType)) {
        const type = DataType[item.t.dataType] ?? String(item.t.dataType)
        return { type: 'unsupported', value: `TENSOR of ${type}` }
      }
      return {
        type: 'tensor',
        value: item.t ? readTensor(item.t) : tensor('float32', [0], new Float32Array()),
      }
    case AttributeType.SPARSE_TENSOR:
      if (item.sparseTensor) return { type: 'tensor', value: readSparse(item.sparseTensor) }
      return { type: 'unsupported', value: 'SPARSE_TENSOR' }
    case AttributeType.GRAPH:
      if (item.g) return { type: 'graph', value: readGraph(item.g) }
      return { type: 'unsupported', value: 'GRAPH' }
    default:
      return { type: 'unsupported', value: AttributeType[item.type] ?? String(item.type) }
  }
}

function writeAttribute(name: string, attribute: OnnxAttribute): AttributeProto {
  return create(AttributeProtoSchema, { name, ...attributeFields(name, attribute) })
}

function attributeFields(
  name: string,
  attribute: OnnxAttribute,
): Parameters<typeof create<typeof AttributeProtoSchema>>[1] {
  const encoder = new TextEncoder()
  switch (attribute.type) {
    case 'int':
      return { type: AttributeType.INT, i: saturatedInt64(attribute.value) }
    case 'float':
      return { type: AttributeType.FLOAT, f: attribute.value }
    case 'ints':
      return { type: AttributeType.INTS, ints: attribute.value.map(saturatedInt64) }
    case 'floats':
      return { type: AttributeType.FLOATS, floats: [...attribute.value] }
    case 'string':
      return { type: AttributeType.STRING, s: encoder.encode(attribute.value) }
    case 'strings':
      return {
        type: AttributeType.STRINGS,
        strings: attribute.value.map((text) => encoder.encode(text)),
      }
    case 'tensor':
      return { type: AttributeType.TENSOR, t: writeTensor('', attribute.value) }
    case 'graph':
      return { type: AttributeType.GRAPH, g: writeGraph(attribute.value) }
    case 'reference':
    case 'unsupported':
      throw new GraphError(
        'ROBENCH_GRAPH',
        `attribute "${name}" of type ${attribute.value} cannot be written`,
      )
    default:
      return attribute satisfies never
  }
}
