/** Graphs in half or double precision, as graphs of float32 that can be differentiated. */
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxSubgraph } from '../onnx/graph.ts'
import { dataTypes } from '../onnx/tensor-data.ts'
import { halfToNumber } from '../tensor/half.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** Element types other than float32 in which a graph may compute. */
export type Precision = 'float16' | 'float64'

/** The precision of a graph, by its input and its weights; undefined for float32. */
export function precisionOf({ inputs, initializers, nodes }: OnnxGraph): Precision | undefined {
  const dtype = inputs[0]?.dtype
  if (dtype === 'float64' || dtype === 'float16') return dtype
  const weights = [...initializers.values(), ...nodes.flatMap(constantsOf)]
  return weights.some((item) => item.dtype === 'float16') ? 'float16' : undefined
}

/** The graph with all numbers of that precision as float32. */
export function inSinglePrecision(graph: OnnxGraph, precision: Precision): OnnxGraph {
  return { ...graph, ...convertGraph(graph, precision) }
}

function convertGraph(graph: OnnxSubgraph, precision: Precision): OnnxSubgraph {
  return {
    ...graph,
    initializers: new Map(
      Array.from(graph.initializers, ([name, item]) => [name, convertTensor(item, precision)]),
    ),
    nodes: graph.nodes.map((node) => convertNode(node, precision)),
  }
}

function convertNode(node: OnnxNode, precision: Precision): OnnxNode {
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).map(([key, item]) => [key, convert(key, item, precision)]),
  )
  return { ...node, attributes }
}

function convert(key: string, item: OnnxAttribute, precision: Precision): OnnxAttribute {
  if (item.type === 'tensor') return { ...item, value: convertTensor(item.value, precision) }
  if (item.type === 'graph') return { ...item, value: convertGraph(item.value, precision) }
  const isType = item.type === 'int' && (key === 'to' || key === 'dtype')
  const own: number = dataTypes[precision]
  if (isType && item.value === own) return { ...item, value: dataTypes.float32 }
  return item
}

function convertTensor(item: Tensor, precision: Precision): Tensor {
  const { dtype, shape, data } = item
  if (dtype !== precision) return item
  const values =
    data instanceof Float64Array
      ? Float32Array.from(data)
      : Float32Array.from(data as Uint16Array, halfToNumber)
  return { dtype: 'float32', shape, data: values }
}

function constantsOf({ attributes }: OnnxNode): Tensor[] {
  return Object.values(attributes).flatMap((item) => (item.type === 'tensor' ? [item.value] : []))
}
