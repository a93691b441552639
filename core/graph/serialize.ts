/** Expressions to ONNX files: what onnxruntime loads, and what anyone else may. */
import { GraphError } from '../errors.ts'
import { writeOnnx, type OnnxAttribute, type OnnxGraph, type OnnxNode, type OnnxValueInfo } from '../onnx/file.ts'
import { dataTypes } from '../onnx/tensor-data.ts'
import type { DType, Tensor } from '../tensor/tensor.ts'
import { g } from './graph.ts'
import { lower } from './rewrite.ts'
import { topologicalOrder, type AttributeValue, type Node, type Value } from './value.ts'

/** The standard operator set that expressions are written in. */
export const opset = 18

/** What names of parameters begin with, as placeholders and as constants. */
export const parameterPrefix = 'parameter/'

/** Writes outputs, by the names given, as an ONNX file. Placeholders keep their names; `inputs` fixes their order. */
export function toOnnx(outputs: Readonly<Record<string, Value>>, inputs: readonly Value[]): Uint8Array {
  return writeOnnx(toGraph(outputs, inputs))
}

/** The same as a plain graph, before it becomes bytes. */
export function toGraph(outputs: Readonly<Record<string, Value>>, inputs: readonly Value[]): OnnxGraph {
  const names = Object.keys(outputs)
  const roots = lower(Object.values(outputs))
  const order = topologicalOrder(roots)
  const valueNames = new Map<Value, string>()
  const initializers = new Map<string, Tensor>()
  const nodes: OnnxNode[] = []
  const values: OnnxValueInfo[] = []
  const used = new Set([...roots, ...order.flatMap((node) => node.inputs)])
  const known = new Set(inputs.map((input) => input.node.name))
  for (const [i, node] of order.entries()) {
    if (node.op === 'Input') {
      if (!known.has(node.name)) {
        throw new GraphError('ROBENCH_GRAPH', `placeholder "${node.name}" is used but not among the graph's inputs`)
      }
      valueNames.set(node.outputs[0]!, node.name)
    } else if (node.op === 'Constant') {
      // Parameters keep their names; those of a third party's file could clash with others.
      const name = node.name.startsWith(parameterPrefix) ? node.name : `c${i}`
      valueNames.set(node.outputs[0]!, name)
      initializers.set(name, node.tensor!)
    } else {
      node.outputs.forEach((output, k) => {
        // MaxPool's indices cost time and the fast layout where they are asked for.
        if (k > 0 && !used.has(output) && g.record(node.op)?.optionalOutputs) return
        valueNames.set(output, `v${i}_${k}`)
        // onnxruntime keeps its fast layout only where it can prove that shapes are equal, symbols too.
        values.push(describeValue(`v${i}_${k}`, output))
      })
      nodes.push(writeNode(node, i, valueNames))
    }
  }
  // An output may be a placeholder, a constant, or named twice: an Identity gives it its name.
  roots.forEach((root, k) => {
    nodes.push({ name: `output_${k}`, op: 'Identity', domain: '', inputs: [valueNames.get(root)!], outputs: [names[k]!], attributes: {} })
  })
  return {
    opset,
    domains: [],
    inputs: inputs.map((input) => describeValue(input.node.name, input)),
    outputs: roots.map((root, k) => describeValue(names[k]!, root)),
    initializers,
    nodes,
    values,
  }
}

function describeValue(name: string, { dtype, shape }: Value): OnnxValueInfo {
  return { name, dtype, shape }
}

function writeNode(node: Node, index: number, names: ReadonlyMap<Value, string>): OnnxNode {
  const specs = g.record(node.op)?.attributes ?? {}
  return {
    name: node.name || `${node.op}_${index}`,
    op: node.op,
    domain: '',
    inputs: node.inputs.map((input) => (input ? names.get(input)! : '')),
    outputs: withoutTrailing(node.outputs.map((output) => names.get(output) ?? '')),
    attributes: Object.fromEntries(
      Object.entries(node.attributes)
        // An explicit default of these is refused beside pads, or unknown to older operator sets.
        .filter(([key, value]) => !(key === 'auto_pad' && value === 'NOTSET') && !(key === 'reduction' && value === 'none'))
        .map(([key, value]) => [key, writeAttribute(specs[key]!.type, value)]),
    ),
  }
}

function withoutTrailing(names: readonly string[]): string[] {
  return names.slice(0, names.findLastIndex((name) => name !== '') + 1)
}

function writeAttribute(type: string, value: AttributeValue): OnnxAttribute {
  if (type === 'dtype') return { type: 'int', value: dataTypes[value as DType] }
  return { type, value } as OnnxAttribute
}
