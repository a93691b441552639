/** Writes expressions as ONNX files. */
import { GraphError } from '../../base/errors.ts'
import {
  writeOnnx,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValueInfo,
} from '../onnx/file.ts'
import { dataTypes } from '../onnx/tensor-data.ts'
import type { DType, Tensor } from '../tensor/tensor.ts'
import { blockedOperators } from './blocked-operators.ts'
import { splitName } from './operator-name.ts'
import { operators } from './ops/index.ts'
import { lower } from './rewrite.ts'
import { topologicalOrder, type AttributeValue, type Body, type Node, type Value } from './value.ts'
import { writeMapBatch } from './write-map-batch.ts'

/** The operator set of written files. */
export const opset = 18

/** The prefix of the names of parameters, as placeholders and as constants. */
export const parameterPrefix = 'parameter/'

/**
 * Writes named outputs as an ONNX file. Placeholders keep their names; `inputs` determines their
 * order.
 * @param tensors names for intermediate values, such as the ends of components; each the result of
 *   an operator
 * @param finish lowers the values before they are written
 */
export function toOnnx(
  outputs: Readonly<Record<string, Value>>,
  inputs: readonly Value[],
  tensors: Readonly<Record<string, Value>> = {},
  finish: (values: readonly Value[]) => readonly Value[] = (values) => lower(values),
): Uint8Array {
  return writeOnnx(toGraph(outputs, inputs, tensors, finish))
}

/** The graph of `toOnnx` before encoding. */
export function toGraph(
  outputs: Readonly<Record<string, Value>>,
  inputs: readonly Value[],
  tensors: Readonly<Record<string, Value>> = {},
  finish: (values: readonly Value[]) => readonly Value[] = (values) => lower(values),
): OnnxGraph {
  const names = Object.keys(outputs)
  const lowered = finish([...Object.values(outputs), ...Object.values(tensors)])
  const roots = lowered.slice(0, names.length)
  const order = topologicalOrder(roots)
  const chosen = chosenNames(Object.keys(tensors), lowered.slice(names.length), order)
  const valueNames = new Map<Value, string>()
  const initializers = new Map<string, Tensor>()
  const nodes: OnnxNode[] = []
  const values: OnnxValueInfo[] = []
  const used = new Set([...roots, ...order.flatMap((node) => node.inputs)])
  checkNames([...inputs.map(({ node }) => node.name), ...names, ...chosen.values()])
  // Other names must not clash with the chosen ones.
  const taken = new Set([...inputs.map((input) => input.node.name), ...names, ...chosen.values()])
  const nodeNames = new Set<string>()
  const inner: string[] = []
  for (const [i, node] of order.entries()) {
    if (node.op === 'Input') {
      if (!inputs.includes(node.outputs[0]!)) {
        throw new GraphError(
          'ROBENCH_GRAPH',
          `placeholder "${node.name}" is used but not among the graph's inputs`,
        )
      }
      valueNames.set(node.outputs[0]!, node.name)
    } else if (node.op === 'Constant') {
      // Parameters keep their names. Names from third-party files could clash with others.
      const name = node.name.startsWith(parameterPrefix) ? node.name : freeName(`c${i}`, taken)
      valueNames.set(node.outputs[0]!, name)
      initializers.set(name, node.tensor!)
    } else {
      node.outputs.forEach((output, k) => {
        // Computing MaxPool's unused indices costs time and the blocked layout.
        if (k > 0 && !used.has(output) && operators.get(node.op)?.optionalOutputs) return
        const name = chosen.get(output) ?? freeName(`v${i}_${k}`, taken)
        valueNames.set(output, name)
        // onnxruntime keeps its blocked layout only if shapes are provably equal, symbols included.
        values.push(describeValue(name, output))
      })
      // A graph may contain the same named node several times, but names must be unique.
      const name = freeName(node.name || `${node.op}_${i}`, nodeNames)
      nodeNames.add(name)
      if (node.body) {
        const written = writeMapBatch(
          node.body,
          node.inputs.map((input) => valueNames.get(input!)!),
          node.outputs.map((output) => valueNames.get(output)!),
          freeName(`map${i}/`, taken),
          (body) => writeBody(body, finish),
        )
        nodes.push(...written.nodes)
        inner.push(...written.domains)
        for (const [key, value] of written.initializers) initializers.set(key, value)
      } else nodes.push(writeNode(node, name, valueNames))
    }
  }
  // An output may be a placeholder, a constant, or named twice: an Identity gives it its name.
  roots.forEach((root, k) => {
    nodes.push({
      name: freeName(`output_${k}`, nodeNames),
      op: 'Identity',
      domain: '',
      inputs: [valueNames.get(root)!],
      outputs: [names[k]!],
      attributes: {},
    })
  })
  return {
    opset,
    domains: [...new Set([...nodes.map(({ domain }) => domain), ...inner])].filter(Boolean),
    inputs: inputs.map((input) => describeValue(input.node.name, input)),
    outputs: roots.map((root, k) => describeValue(names[k]!, root)),
    initializers,
    nodes,
    values,
  }
}

/** The graph that a `MapBatch` applies to each part of the batch. */
function writeBody(
  { inputs, outputs }: Body,
  finish: (values: readonly Value[]) => readonly Value[],
): OnnxGraph {
  return toGraph(
    Object.fromEntries(outputs.map((value, i) => [`y${i}`, value])),
    inputs,
    {},
    finish,
  )
}

/**
 * The chosen name of each value.
 * @throws GraphError for a value that does not get a name of its own in the file
 */
function chosenNames(
  names: readonly string[],
  values: readonly Value[],
  order: readonly Node[],
): ReadonlyMap<Value, string> {
  const chosen = new Map<Value, string>()
  const nodes = new Set(order)
  values.forEach((value, i) => {
    const { op } = value.node
    const isResult = op !== 'Input' && op !== 'Constant' && nodes.has(value.node)
    if (isResult && !chosen.has(value)) chosen.set(value, names[i]!)
    else {
      throw new GraphError(
        'ROBENCH_GRAPH',
        `tensor "${names[i]}": expected the result of an operator that the outputs depend on ` +
          `and that has no other name, got ${op}`,
      )
    }
  })
  return chosen
}

function checkNames(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) {
    throw new GraphError(
      'ROBENCH_GRAPH',
      `duplicate name "${twice}" among the inputs, outputs and tensors of the graph; ` +
        'choose unique names',
    )
  }
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name
  while (taken.has(free)) free = `${free}_`
  return free
}

function describeValue(name: string, { dtype, shape }: Value): OnnxValueInfo {
  return { name, dtype, shape }
}

function writeNode(node: Node, name: string, names: ReadonlyMap<Value, string>): OnnxNode {
  const specs = (operators.get(node.op) ?? blockedOperators.get(node.op))?.attributes ?? {}
  return {
    name,
    ...splitName(node.op),
    inputs: node.inputs.map((input) => (input ? names.get(input)! : '')),
    outputs: withoutTrailing(node.outputs.map((output) => names.get(output) ?? '')),
    attributes: Object.fromEntries(
      Object.entries(node.attributes)
        // Explicit defaults of these are invalid next to pads, or unknown to older operator sets.
        .filter(
          ([key, value]) =>
            !(key === 'auto_pad' && value === 'NOTSET') &&
            !(key === 'reduction' && value === 'none'),
        )
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
