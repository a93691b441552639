/** Reads and writes ONNX files, with the generated protobuf definitions. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { GraphProtoSchema, ModelProtoSchema, ValueInfoProtoSchema, type ModelProto } from 'onnx-buf'
import { GraphError } from '../../base/errors.ts'
import { sumBy } from '../../base/sum.ts'
import { inlineFunctions, readFunctions } from './functions.ts'
import { mostNodes } from './graph.ts'
import type { OnnxGraph } from './graph.ts'
import { isStandard, readGraph, writeGraph, writeTensorParts } from './protobuf.ts'
import { sortNodes } from './sort-nodes.ts'

export type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxValueInfo } from './graph.ts'

/**
 * Reads an ONNX file. Local functions are inlined, and nodes are sorted.
 * @param name the model's name in errors
 * @throws GraphError ROBENCH_MODEL_FILE if it is not an ONNX model that robench supports
 */
export function readOnnx(bytes: Uint8Array, name: string): OnnxGraph {
  const model = parseModel(bytes, name)
  const { graph } = model
  if (!graph || graph.node.length === 0 || model.opsetImport.length === 0) {
    throw notOnnx(name, guessFormat(bytes) ?? 'it contains no graph')
  }
  if (graph.node.length > mostNodes) {
    throw new GraphError(
      'ROBENCH_MODEL_FILE',
      `${name}: expected at most ${mostNodes} nodes, got ${graph.node.length}`,
    )
  }
  try {
    const read = readGraph(graph)
    const functions = readFunctions(model.functions)
    const inlined = functions.size > 0 ? inlineFunctions(read, functions) : read
    const others = model.opsetImport.filter(({ domain }) => !isStandard(domain))
    return {
      ...inlined,
      opset: Number(model.opsetImport.find((set) => isStandard(set.domain))?.version ?? 1n),
      domains: others.map(({ domain }) => domain),
      domainVersions: Object.fromEntries(
        others.map(({ domain, version }) => [domain, Number(version)]),
      ),
      nodes: sortNodes(inlined),
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

/**
 * Writes a graph as an ONNX file: the bytes of its message, without copying weights more than once.
 */
export function writeOnnx(graph: OnnxGraph): Uint8Array {
  const empty = { ...graph, initializers: new Map() }
  const { node, name, input, output, valueInfo } = writeGraph(empty, graph.values)
  const opsetImport = [
    { domain: '', version: BigInt(graph.opset) },
    ...graph.domains.map((domain) => ({
      domain,
      version: BigInt(graph.domainVersions?.[domain] ?? 1),
    })),
  ]
  // Fields are written in the order of their numbers.
  const inGraph = [
    toBinary(GraphProtoSchema, create(GraphProtoSchema, { node, name })),
    ...Array.from(graph.initializers, ([key, value]) =>
      embedded(initializerField, writeTensorParts(key, value)),
    ).flat(),
    toBinary(GraphProtoSchema, create(GraphProtoSchema, { input, output, valueInfo })),
  ]
  return joined([
    toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, { irVersion: 8n, producerName: 'robench' }),
    ),
    ...embedded(graphField, inGraph),
    toBinary(ModelProtoSchema, create(ModelProtoSchema, { opsetImport })),
  ])
}

/** Field numbers of messages in `onnx.proto`. */
const graphField = 7
const initializerField = 5

/** A message within another one: its field number, its length, and its parts. */
function embedded(field: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const writer = new BinaryWriter().tag(field, WireType.LengthDelimited)
  return [writer.uint32(sumBy(parts, ({ length }) => length)).finish(), ...parts]
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(sumBy(parts, ({ length }) => length))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/**
 * The file with one of its tensors as the only output. Its type is left to the runtime.
 * @param name the model's name in errors
 */
export function withOutput(bytes: Uint8Array, tensor: string, name: string): Uint8Array {
  const model = parseModel(bytes, name)
  if (model.graph) model.graph.output = [create(ValueInfoProtoSchema, { name: tensor })]
  return toBinary(ModelProtoSchema, model)
}

/**
 * The message of a file.
 * @throws GraphError ROBENCH_MODEL_FILE if it is not ONNX
 */
export function parseModel(bytes: Uint8Array, name: string): ModelProto {
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
