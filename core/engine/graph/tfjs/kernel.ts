/** An operator computed with TensorFlow.js. */
import { GraphError } from '../../../base/errors.ts'
import type { DType, Tensor, TensorData } from '../../tensor/tensor.ts'
import type { Node } from '../value.ts'
import type { Tf, TfTensor } from './backend.ts'

/** One application of an operator in a run. */
export interface KernelCall {
  readonly tf: Tf
  readonly node: Node
  /** The values of the inputs; null for an omitted one. */
  readonly inputs: readonly (TfTensor | null)[]
  /** The shape of each output, with its symbols resolved. */
  readonly shapes: readonly (readonly number[])[]
  /** Whether each output is used. Others need not be computed. */
  readonly used: readonly boolean[]
}

/** Computes the outputs of a node. Everything else that it creates is freed. */
export type Kernel = (call: KernelCall) => TfTensor | readonly (TfTensor | null)[]

/** Kernels by operator. */
export type Kernels = Readonly<Record<string, Kernel>>

/** The element type of TensorFlow.js that holds each type; others are not supported. */
export const tfTypes: Partial<Record<DType, 'float32' | 'int32' | 'bool'>> = {
  float32: 'float32',
  float64: 'float32',
  int8: 'int32',
  uint8: 'int32',
  int16: 'int32',
  uint16: 'int32',
  int32: 'int32',
  int64: 'int32',
  bool: 'bool',
}

/** An input that is present. */
export function input({ node, inputs }: KernelCall, index: number): TfTensor {
  const value = inputs[index]
  if (!value) throw new GraphError('ROBENCH_INTERNAL', `${node.op}: input ${index} is missing`)
  return value
}

/** Copies a tensor to TensorFlow.js. 64-bit integers are clamped to 32 bits. */
export function toTf(tf: Tf, { dtype, shape, data }: Tensor): TfTensor {
  const type = tfTypes[dtype]!
  const values = type === 'bool' ? Uint8Array.from(data as Uint8Array) : numbers(type, data)
  return tf.tensor(values, [...shape], type)
}

/** Copies values of a type from TensorFlow.js. */
export function fromTf(dtype: DType, shape: readonly number[], data: ArrayLike<number>): Tensor {
  const make = constructors[dtype]
  if (!make) throw new GraphError('ROBENCH_INTERNAL', `no array for ${dtype}`)
  return { dtype, shape, data: make(data) }
}

const constructors: Partial<Record<DType, (data: ArrayLike<number>) => TensorData>> = {
  float32: (data) => Float32Array.from(data),
  float64: (data) => Float64Array.from(data),
  int8: (data) => Int8Array.from(data),
  uint8: (data) => Uint8Array.from(data),
  int16: (data) => Int16Array.from(data),
  uint16: (data) => Uint16Array.from(data),
  int32: (data) => Int32Array.from(data),
  int64: (data) => BigInt64Array.from({ length: data.length }, (_, i) => BigInt(data[i]!)),
  bool: (data) => Uint8Array.from(data),
}

const largest = 2 ** 31 - 1

function numbers(type: 'float32' | 'int32', data: TensorData): Float32Array | Int32Array {
  if (type === 'float32') return Float32Array.from(data as Float32Array | Float64Array)
  return Int32Array.from({ length: data.length }, (_, i) =>
    Math.min(largest, Math.max(-largest - 1, Number(data[i]))),
  )
}

/** An int32 tensor. */
export function integers(tf: Tf, shape: readonly number[], values: ArrayLike<number>): TfTensor {
  return tf.tensor(Int32Array.from(values), [...shape], 'int32')
}

/** The int32 numbers 0, 1, … along one axis of a tensor of that rank. */
export function coordinates(tf: Tf, size: number, axis: number, rank: number): TfTensor {
  const shape = Array.from({ length: rank }, (_, i) => (i === axis ? size : 1))
  return integers(
    tf,
    shape,
    Array.from({ length: size }, (_, i) => i),
  )
}
