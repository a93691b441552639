/** Element types and tensor data in ONNX files. */
import {
  TensorProto_DataType as DataType,
  type SparseTensorProto,
  type TensorProto,
} from 'onnx-buf'
import { GraphError } from '../../base/errors.ts'
import { sizeOf, tensor, type DType, type DTypeArrays, type Tensor } from '../tensor/tensor.ts'

/** The ONNX number of each element type. */
export const dataTypes: { readonly [D in DType]: DataType } = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  float16: DataType.FLOAT16,
  int8: DataType.INT8,
  uint8: DataType.UINT8,
  int16: DataType.INT16,
  uint16: DataType.UINT16,
  int32: DataType.INT32,
  uint32: DataType.UINT32,
  int64: DataType.INT64,
  uint64: DataType.UINT64,
  bool: DataType.BOOL,
}

const names = new Map<number, DType>(
  Object.entries(dataTypes).map(([name, number]) => [number, name as DType]),
)

const arrays: {
  readonly [D in DType]: {
    new (buffer: ArrayBuffer): DTypeArrays[D]
    readonly BYTES_PER_ELEMENT: number
  }
} = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
}

/** The element type of an ONNX number; undefined for an unsupported type. */
export function knownDtype(dataType: number): DType | undefined {
  return names.get(dataType)
}

/**
 * The element type of an ONNX number.
 * @param owner the tensor or attribute, for errors
 * @throws GraphError for an unsupported type
 */
export function dtypeOf(dataType: number, owner: string): DType {
  const name = names.get(dataType)
  if (name === undefined) {
    throw new GraphError(
      'ROBENCH_GRAPH',
      `"${owner}" has the unsupported element type ${DataType[dataType] ?? dataType} ` +
        `(supported: ${Object.keys(dataTypes).join(', ')})`,
    )
  }
  return name
}

/** A zeroed array of that type. */
export function newData(dtype: DType, length: number): DTypeArrays[DType] {
  const Data = arrays[dtype]
  return new Data(new ArrayBuffer(length * Data.BYTES_PER_ELEMENT))
}

/**
 * The tensor of a file: raw bytes, or one of the typed lists.
 * @throws GraphError if the data does not match the shape
 */
export function decodeTensor(item: TensorProto): Tensor {
  const dtype = dtypeOf(item.dataType, item.name)
  const shape = item.dims.map(Number)
  if (shape.some((size) => size < 0)) {
    throw new GraphError(
      'ROBENCH_GRAPH',
      `tensor "${item.name}" has a negative size: [${shape.join(', ')}]`,
    )
  }
  const length = sizeOf(shape)
  const Data = arrays[dtype]
  if (item.rawData.length > 0) {
    if (item.rawData.length !== length * Data.BYTES_PER_ELEMENT) {
      throw new GraphError(
        'ROBENCH_GRAPH',
        `tensor "${item.name}" of shape [${shape.join(', ')}] has ${item.rawData.length} bytes, ` +
          `expected ${length * Data.BYTES_PER_ELEMENT}`,
      )
    }
    // Copy: the bytes in the file may be unaligned.
    return tensor(dtype, shape, new Data(new Uint8Array(item.rawData).buffer))
  }
  const list = typedList(item, dtype)
  if (list.length !== length) {
    throw new GraphError(
      'ROBENCH_GRAPH',
      `tensor "${item.name}" of shape [${shape.join(', ')}] has ${list.length} elements, ` +
        `expected ${length}`,
    )
  }
  // Only now: a few bytes can state a shape that does not fit into memory.
  const data = newData(dtype, length)
  for (let i = 0; i < length; i++) data[i] = list[i]!
  return tensor(dtype, shape, data)
}

/** The most elements of a sparse tensor, whose few bytes can state any shape. */
const mostElements = 2 ** 29

/**
 * A sparse tensor of a file with its zeros. Indices are positions in the flat tensor, or one
 * coordinate per axis.
 * @throws GraphError if values and indices do not match the shape
 */
export function decodeSparse({ values, indices, dims }: SparseTensorProto): Tensor {
  const name = values?.name ?? ''
  const shape = dims.map(Number)
  const length = sizeOf(shape)
  const refuse = (what: string): GraphError =>
    new GraphError(
      'ROBENCH_GRAPH',
      `sparse tensor "${name}" of shape [${shape.join(', ')}] ${what}`,
    )
  if (!values || !indices) throw refuse('has no values or no indices')
  if (shape.some((size) => size < 0) || length > mostElements) {
    throw refuse(`is too large: expected at most ${mostElements} elements`)
  }
  const [items, places] = [decodeTensor(values), decodeTensor(indices)]
  const count = items.data.length
  const rank = places.shape.length === 2 ? shape.length : 1
  if (places.dtype !== 'int64' || places.data.length !== count * rank) {
    throw refuse(`has ${count} values, but indices of shape [${places.shape.join(', ')}]`)
  }
  const sizes = rank === 1 ? [length] : shape
  const data = newData(items.dtype, length)
  for (let i = 0; i < count; i++) {
    let at = 0
    for (const [axis, size] of sizes.entries()) {
      const index = Number(places.data[i * rank + axis])
      if (!(index >= 0 && index < size)) throw refuse(`has an index ${index} beyond ${size}`)
      at = at * size + index
    }
    data[at] = items.data[i]!
  }
  return tensor(items.dtype, shape, data)
}

/** Raw little-endian bytes (onnxruntime supports only little-endian platforms). */
export function encodeData(value: Tensor): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = value.data
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}

function typedList(item: TensorProto, dtype: DType): ArrayLike<number | bigint> {
  switch (dtype) {
    case 'float32':
      return item.floatData
    case 'float64':
      return item.doubleData
    case 'int64':
      return item.int64Data
    case 'uint32':
    case 'uint64':
      return dtype === 'uint64' ? item.uint64Data : item.uint64Data.map(Number)
    default:
      return item.int32Data
  }
}
