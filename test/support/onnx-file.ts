/** ONNX graphs by hand, in any operator set, for tests of what reads them. */
import type { OnnxAttribute, OnnxGraph, OnnxNode } from '../../core/engine/onnx/file.ts'
import { randomStream } from '../../core/base/random.ts'
import {
  float32,
  int64,
  sizeOf,
  type FloatTensor,
  type Tensor,
} from '../../core/engine/tensor/tensor.ts'

/** A node by its inputs and outputs: names separated by spaces, `_` for an omitted input. */
export function node(
  op: string,
  inputs: string,
  outputs: string,
  attributes: Record<string, OnnxAttribute> = {},
  domain = '',
): OnnxNode {
  const names = (list: string): string[] =>
    list
      .split(' ')
      .filter((name) => name !== '')
      .map((name) => (name === '_' ? '' : name))
  return {
    name: `${op}_${outputs.split(' ')[0]}`,
    op,
    domain,
    inputs: names(inputs),
    outputs: names(outputs),
    attributes,
  }
}

export const int = (value: number): OnnxAttribute => ({ type: 'int', value })
export const ints = (...value: number[]): OnnxAttribute => ({ type: 'ints', value })
export const float = (value: number): OnnxAttribute => ({ type: 'float', value })
export const floats = (...value: number[]): OnnxAttribute => ({ type: 'floats', value })
export const text = (value: string): OnnxAttribute => ({ type: 'string', value })
export const tensorOf = (value: Tensor): OnnxAttribute => ({ type: 'tensor', value })

/** An int64 vector, for shapes and axes. */
export const sizes = (...values: number[]): Tensor => int64([values.length], values)

/** Random values in [−1, 1), fixed by the shape and the name. */
export function randomTensor(shape: readonly number[], name: string): FloatTensor {
  const random = randomStream('test tensor', name)
  return float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => 2 * random.uniform() - 1),
  )
}

export interface GraphParts {
  readonly opset?: number
  /** Of the input `x`; a symbol is a size that the file leaves open. */
  readonly input: readonly (number | string)[]
  readonly nodes: readonly OnnxNode[]
  readonly initializers?: Readonly<Record<string, Tensor>>
  readonly outputs?: readonly string[]
}

/** A graph from float32 `x` to float32 `y` (or the outputs named). */
export function onnxGraph({
  opset = 17,
  input,
  nodes,
  initializers = {},
  outputs = ['y'],
}: GraphParts): OnnxGraph {
  return {
    opset,
    domains: [],
    inputs: [{ name: 'x', dtype: 'float32', shape: input }],
    outputs: outputs.map((name) => ({ name, dtype: 'float32', shape: null })),
    initializers: new Map(Object.entries(initializers)),
    nodes,
  }
}
