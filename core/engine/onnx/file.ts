/** Reads and writes ONNX files, with the generated protobuf definitions. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type ModelProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf'
import { GraphError } from '../../base/errors.ts'
import { saturatedInt64, tensor, type DType, type Tensor } from '../tensor/tensor.ts'
import { dataTypes, decodeTensor, dtypeOf, encodeData } from './tensor-data.ts'

/** An attribute. As in the file, `type` distinguishes integers from floats. */
export type OnnxAttribute =
  | { readonly type: 'int' | 'float'; readonly value: number }
  | { readonly type: 'ints' | 'floats'; readonly value: readonly number[] }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: Tensor }
  | { readonly type: 'unsupported'; readonly value: string }

/** A node of a graph. */
export interface OnnxNode {
  readonly name: string
  readonly op: string
  /** Empty for the standard operators. */
  readonly domain: string
  /** Names; an empty name is an omitted optional input. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
}

/**
 * An input or output of a graph. A dimension is a number, a symbol, or null if the file has none.
 */
export interface OnnxValueInfo {
  readonly name: string
  /** null if the file has none, which is allowed for outputs. */
  readonly dtype: DType | null
  readonly shape: readonly (number | string | null)[] | null
}

/** A graph and its operator sets. */
export interface OnnxGraph {
  readonly opset: number
  /** Operator sets other than the standard one, such as `com.microsoft`. */
  readonly domains: readonly string[]
  /** Without the initializers, which old files include in the inputs. */
  readonly inputs: readonly OnnxValueInfo[]
  readonly outputs: readonly OnnxValueInfo[]
  readonly initializers: ReadonlyMap<string, Tensor>
  readonly nodes: readonly OnnxNode[]
  /** Shapes of intermediate values, optional hints for the runtime. */
  readonly values?: readonly OnnxValueInfo[]
}

/**
 * Reads an ONNX file.
 * @param name the model's name in errors
 * @throws GraphError ROBENCH_MODEL_FILE if it is not an ONNX model that robench supports
 */
export function readOnnx(bytes: Uint8Array, name: string): OnnxGraph {
  const model = parse(bytes, name)
  const { graph } = model
  if (!graph || graph.node.length === 0 || model.opsetImport.length === 0) {
    throw notOnnx(name, guessFormat(bytes) ?? 'it contains no graph')
  }
  try {
    const initializers = new Map<string, Tensor>()
    for (const item of graph.initializer) initializers.set(item.name, readTensor(item))
    return {
      opset: Number(model.opsetImport.find((set) => isStandard(set.domain))?.version ?? 1n),
      domains: model.opsetImport.map((set) => set.domain).filter((domain) => !isStandard(domain)),
      inputs: graph.input.filter((info) => !initializers.has(info.name)).map(readValueInfo),
      outputs: graph.output.map(readValueInfo),
      initializers,
      nodes: graph.node.map((node) => ({
        name: node.name,
        op: node.opType,
        domain: isStandard(node.domain) ? '' : node.domain,
        inputs: node.input,
        outputs: node.output,
        attributes: Object.fromEntries(
          node.attribute.map((item) => [item.name, readAttribute(item)]),
        ),
      })),
    }
  } catch (cause) {
    if (cause instanceof GraphError && cause.code === 'ROBENCH_MODEL_FILE') {
      throw new GraphError(cause.code, `${name}: ${cause.message}`, {
        details: cause.details,
        cause,
      })
    }
    throw notOnnx(name, cause instanceof Error ? cause.message : String(cause), cause)
  }
}

/** Writes a graph as an ONNX file. */
export function writeOnnx(graph: OnnxGraph): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'robench',
    opsetImport: [
      { domain: '', version: BigInt(graph.opset) },
      ...graph.domains.map((domain) => ({ domain, version: 1n })),
    ],
    graph: create(GraphProtoSchema, {
      name: 'robench',
      node: graph.nodes.map((node) =>
        create(NodeProtoSchema, {
          name: node.name,
          opType: node.op,
          domain: node.domain,
          input: [...node.inputs],
          output: [...node.outputs],
          attribute: Object.entries(node.attributes).map(([key, value]) =>
            writeAttribute(key, value),
          ),
        }),
      ),
      initializer: [...graph.initializers].map(([key, value]) => writeTensor(key, value)),
      input: graph.inputs.map(writeValueInfo),
      output: graph.outputs.map(writeValueInfo),
      valueInfo: (graph.values ?? []).map(writeValueInfo),
    }),
  })
  return toBinary(ModelProtoSchema, model)
}

/**
 * The file with one of its tensors as the only output. Its type is left to the runtime.
 * @param name the model's name in errors
 */
export function withOutput(bytes: Uint8Array, tensor: string, name: string): Uint8Array {
  const model = parse(bytes, name)
  if (model.graph) model.graph.output = [create(ValueInfoProtoSchema, { name: tensor })]
  return toBinary(ModelProtoSchema, model)
}

function parse(bytes: Uint8Array, name: string): ModelProto {
  if (bytes.length === 0) throw notOnnx(name, 'it is empty')
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    throw notOnnx(
      name,
      guessFormat(bytes) ??
        `it cannot be parsed (${cause instanceof Error ? cause.message : String(cause)})`,
      cause,
    )
  }
}

/** File formats often mistaken for ONNX, by their first bytes. */
const otherFormats: readonly { readonly start: string; readonly reason: string }[] = [
  {
    start: 'PK\u0003\u0004',
    reason: 'it is a zip archive (a PyTorch checkpoint or a packed directory)',
  },
  { start: '\u0080\u0002', reason: 'it is a Python pickle (a PyTorch checkpoint)' },
  { start: '\u0089HDF', reason: 'it is an HDF5 file (a Keras model)' },
  { start: '\u001f\u008b', reason: 'it is compressed with gzip' },
  { start: 'version https://git-lfs', reason: 'it is a Git LFS pointer (run git lfs pull)' },
  { start: '<', reason: 'it is an HTML or XML page' },
  { start: '{', reason: 'it is JSON text' },
]

function guessFormat(bytes: Uint8Array): string | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 64))
  return otherFormats.find(({ start }) => head.startsWith(start))?.reason
}

function notOnnx(name: string, reason: string, cause?: unknown): GraphError {
  return new GraphError(
    'ROBENCH_MODEL_FILE',
    `${name}: expected an ONNX model, but ${reason}; ` +
      'export it again (torch.onnx.export, tf2onnx) and check that the file is complete',
    { cause },
  )
}

function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx'
}

function readValueInfo(info: ValueInfoProto): OnnxValueInfo {
  const type = info.type?.value
  if (type === undefined || type.case === undefined)
    return { name: info.name, dtype: null, shape: null }
  if (type.case !== 'tensorType') {
    throw new GraphError('ROBENCH_GRAPH', `"${info.name}" is not a tensor`)
  }
  const shape = type.value.shape?.dim.map((dim) => {
    if (dim.value.case === 'dimValue') {
      const size = Number(dim.value.value)
      return size > 0 ? size : null
    }
    return dim.value.case === 'dimParam' && dim.value.value !== '' ? dim.value.value : null
  })
  return { name: info.name, dtype: dtypeOf(type.value.elemType, info.name), shape: shape ?? null }
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

function readTensor(item: TensorProto): Tensor {
  if (item.dataLocation === DataLocation.EXTERNAL) {
    throw new GraphError(
      'ROBENCH_MODEL_FILE',
      `tensor "${item.name}" has external data, which robench does not support; ` +
        'save the model in one file (onnx.save with save_as_external_data=False)',
    )
  }
  return decodeTensor(item)
}

function writeTensor(name: string, value: Tensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: value.shape.map(BigInt),
    dataType: dataTypes[value.dtype],
    rawData: encodeData(value),
  })
}

function readAttribute(item: AttributeProto): OnnxAttribute {
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
      return {
        type: 'tensor',
        value: item.t ? readTensor(item.t) : tensor('float32', [0], new Float32Array()),
      }
    default:
      return { type: 'unsupported', value: AttributeType[item.type] ?? String(item.type) }
  }
}

function writeAttribute(name: string, attribute: OnnxAttribute): AttributeProto {
  const encoder = new TextEncoder()
  switch (attribute.type) {
    case 'int':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.INT,
        i: saturatedInt64(attribute.value),
      })
    case 'float':
      return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: attribute.value })
    case 'ints':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.INTS,
        ints: attribute.value.map(saturatedInt64),
      })
    case 'floats':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.FLOATS,
        floats: [...attribute.value],
      })
    case 'string':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.STRING,
        s: encoder.encode(attribute.value),
      })
    case 'strings':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.STRINGS,
        strings: attribute.value.map((text) => encoder.encode(text)),
      })
    case 'tensor':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.TENSOR,
        t: writeTensor('', attribute.value),
      })
    case 'unsupported':
      throw new GraphError(
        'ROBENCH_GRAPH',
        `attribute "${name}" of type ${attribute.value} cannot be written`,
      )
    default:
      return attribute satisfies never
  }
}
