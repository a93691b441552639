/** Reads models from disk, with the weights that they keep in other files beside them. */
import { realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { toBinary } from '@bufbuild/protobuf'
import {
  ModelProtoSchema,
  TensorProto_DataLocation as DataLocation,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
} from 'onnx-buf'
import { GraphError } from '../../base/errors.ts'
import { readBytes } from '../../base/read-file.ts'
import { parseModel } from './file.ts'

/** Protobuf messages have at most this many bytes. */
const largestFile = 2 ** 31 - 1

/**
 * Reads an ONNX file. If it keeps weights in files beside it (`model.onnx.data`), returns the model
 * as one file, so that its hash covers them; other files are returned as they are. Only files in
 * the directory of the model, or below it, are read.
 * @throws ConfigError ROBENCH_MODEL_FILE if the model is missing or no file; GraphError
 *   ROBENCH_MODEL_FILE if a file beside it is missing, too short, or elsewhere
 */
export async function readOnnxFile(path: string): Promise<Uint8Array> {
  const limits = { code: 'ROBENCH_MODEL_FILE', mostBytes: largestFile } as const
  const bytes = await readBytes(path, limits)
  // The key of an external location is in the file as text. Most files do not contain it.
  if (!bytes.includes('location')) return new Uint8Array(bytes)
  const model = parseModel(bytes, path)
  const external = tensorsOf(model).filter((item) => item.dataLocation === DataLocation.EXTERNAL)
  if (external.length === 0) return new Uint8Array(bytes)
  const folder = await realpath(dirname(path))
  const files = new Map<string, Buffer>()
  let total = bytes.length
  for (const item of external) {
    const { location, offset, length } = placeOf(item)
    const file = files.get(location) ?? (await readBeside(folder, location, path))
    files.set(location, file)
    const end = length === undefined ? file.length : offset + length
    if (!(offset >= 0 && offset <= end && end <= file.length)) {
      throw refused(
        path,
        `tensor "${item.name}" is at bytes ${offset} to ${end} of ${location}, ` +
          `which has ${file.length}; copy the file again`,
      )
    }
    total += end - offset
    if (total > largestFile) {
      throw refused(
        path,
        'with its weights it is larger than 2 GiB, which robench does not support',
      )
    }
    item.rawData = new Uint8Array(file.subarray(offset, end))
    item.dataLocation = DataLocation.DEFAULT
    item.externalData = []
  }
  return toBinary(ModelProtoSchema, model)
}

/** Where the data of a tensor is. */
function placeOf(item: TensorProto): { location: string; offset: number; length?: number } {
  const entries = new Map(item.externalData.map(({ key, value }) => [key, value]))
  const length = entries.get('length')
  return {
    location: entries.get('location') ?? '',
    offset: Number(entries.get('offset') ?? 0),
    ...(length !== undefined && { length: Number(length) }),
  }
}

/** @param folder the real path of the model's directory */
async function readBeside(folder: string, location: string, path: string): Promise<Buffer> {
  const outside = `its weights are in "${location}", outside of its directory, which is not allowed`
  const parts = location.split(/[/\\]/)
  if (location === '' || isAbsolute(location) || /^[a-z]:/i.test(location)) {
    throw refused(path, outside)
  }
  if (parts.includes('..')) throw refused(path, outside)
  let target: string
  try {
    target = await realpath(join(folder, ...parts))
  } catch {
    throw refused(
      path,
      `its weights are in "${location}", which does not exist; copy that file beside the model`,
    )
  }
  // A link may lead elsewhere.
  const inside = relative(folder, target)
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw refused(path, outside)
  }
  const limits = { code: 'ROBENCH_MODEL_FILE', mostBytes: largestFile } as const
  return readBytes(target, limits)
}

/** All tensors of a file: initializers and attributes, in graphs at any depth and in functions. */
function tensorsOf({ graph, functions }: ModelProto): TensorProto[] {
  const tensors: TensorProto[] = []
  const graphs: GraphProto[] = graph ? [graph] : []
  const addNodes = (nodes: readonly NodeProto[]): void => {
    for (const { attribute } of nodes) {
      for (const item of attribute) {
        if (item.t) tensors.push(item.t)
        tensors.push(...item.tensors, ...partsOf(item.sparseTensor))
        if (item.g) graphs.push(item.g)
        graphs.push(...item.graphs)
      }
    }
  }
  for (const { node } of functions) addNodes(node)
  for (const next of graphs) {
    for (const item of next.initializer) tensors.push(item)
    for (const item of next.sparseInitializer) tensors.push(...partsOf(item))
    addNodes(next.node)
  }
  return tensors
}

/** The tensors inside a sparse one. */
function partsOf(item: SparseTensorProto | undefined): TensorProto[] {
  return [item?.values, item?.indices].filter((part) => part !== undefined)
}

function refused(path: string, reason: string): GraphError {
  return new GraphError('ROBENCH_MODEL_FILE', `${path}: ${reason}`)
}
