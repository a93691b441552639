/** Tensors: an element type, a shape, and a typed array in row-major order. */
import { GraphError } from '../../base/errors.ts'

/**
 * Element types and their arrays. `bool` and `float16` are stored as unsigned integers, as in
 * onnxruntime.
 */
export interface DTypeArrays {
  float32: Float32Array
  float64: Float64Array
  float16: Uint16Array
  int8: Int8Array
  uint8: Uint8Array
  int16: Int16Array
  uint16: Uint16Array
  int32: Int32Array
  uint32: Uint32Array
  int64: BigInt64Array
  uint64: BigUint64Array
  bool: Uint8Array
}

/** An element type. */
export type DType = keyof DTypeArrays
/** The data of a tensor of any element type. */
export type TensorData = DTypeArrays[DType]

/** An n-dimensional array. `data.length` is the product of `shape`; a scalar has shape `[]`. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D
  readonly shape: readonly number[]
  readonly data: DTypeArrays[D]
}

/** A float32 tensor. */
export type FloatTensor = Tensor<'float32'>

/**
 * A tensor of an array, which is not copied.
 * @throws GraphError if the length does not match the shape
 */
export function tensor<D extends DType>(
  dtype: D,
  shape: readonly number[],
  data: DTypeArrays[D],
): Tensor<D> {
  if (data.length !== sizeOf(shape)) {
    throw new GraphError(
      'ROBENCH_GRAPH',
      `tensor: shape [${shape.join(', ')}] holds ${sizeOf(shape)} elements, got ${data.length}`,
    )
  }
  return { dtype, shape, data }
}

/** A float32 tensor of numbers (copied) or a Float32Array (not copied). */
export function float32(
  shape: readonly number[],
  values: Float32Array | readonly number[],
): FloatTensor {
  return tensor(
    'float32',
    shape,
    values instanceof Float32Array ? values : Float32Array.from(values),
  )
}

/**
 * An int64 tensor of integers. 2⁶³, which means "to the end" in Slice, becomes the largest int64.
 */
export function int64(shape: readonly number[], values: ArrayLike<number>): Tensor<'int64'> {
  return tensor(
    'int64',
    shape,
    BigInt64Array.from({ length: values.length }, (_, i) => saturatedInt64(values[i]!)),
  )
}

/** An integer as int64, clamped to its range. */
export function saturatedInt64(value: number): bigint {
  if (value >= 2 ** 63) return 2n ** 63n - 1n
  return BigInt(Math.max(value, -(2 ** 63)))
}

/** An int32 tensor of integers (copied) or an Int32Array (not copied). */
export function int32(
  shape: readonly number[],
  values: Int32Array | readonly number[],
): Tensor<'int32'> {
  return tensor('int32', shape, values instanceof Int32Array ? values : Int32Array.from(values))
}

/** The number of elements in a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1
  for (const dim of shape) size *= dim
  return size
}

/** Rows `indices` along the first axis, copied into a new float32 tensor. */
export function gatherRows(source: FloatTensor, indices: ArrayLike<number>): FloatTensor {
  const row = sizeOf(source.shape.slice(1))
  const data = new Float32Array(indices.length * row)
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * row
    data.set(source.data.subarray(from, from + row), i * row)
  }
  return { dtype: 'float32', shape: [indices.length, ...source.shape.slice(1)], data }
}

/** Rows `start` to `end` (exclusive) along the first axis: a view, not a copy. */
export function sliceRows(source: FloatTensor, start: number, end: number): FloatTensor {
  const row = sizeOf(source.shape.slice(1))
  return {
    dtype: 'float32',
    shape: [end - start, ...source.shape.slice(1)],
    data: source.data.subarray(start * row, end * row),
  }
}
