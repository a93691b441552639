/** Local functions of a file: each call becomes the nodes of the function. */
import type { FunctionProto } from 'onnx-buf'
import { GraphError } from '../../base/errors.ts'
import { mostNodes } from './graph.ts'
import type { OnnxAttribute, OnnxNode, OnnxSubgraph } from './graph.ts'
import { isStandard, readAttribute, readNode } from './protobuf.ts'
import { renameNode, subgraphsOf } from './subgraphs.ts'

/** A function that nodes of the file call like an operator. */
interface LocalFunction {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly nodes: readonly OnnxNode[]
  /** Defaults of attributes that callers may omit. */
  readonly defaults: Readonly<Record<string, OnnxAttribute>>
}

/** Functions by domain, name, and overload. */
type Functions = ReadonlyMap<string, LocalFunction>

/** Calls within calls, at most. ONNX forbids recursion. */
const deepest = 64

/** The functions of a file. */
export function readFunctions(functions: readonly FunctionProto[]): Functions {
  return new Map(
    functions.map((item) => [
      keyOf(isStandard(item.domain) ? '' : item.domain, item.name, item.overload),
      {
        inputs: item.input,
        outputs: item.output,
        nodes: item.node.map(readNode),
        defaults: Object.fromEntries(
          item.attributeProto.map((attribute) => [attribute.name, readAttribute(attribute)]),
        ),
      },
    ]),
  )
}

/**
 * The graph with the nodes of functions in place of their calls. Inner tensors are named after the
 * first output of the call: `logits/h`.
 * @throws GraphError ROBENCH_MODEL_FILE if a function calls itself, or the graph becomes too large
 */
export function inlineFunctions(graph: OnnxSubgraph, functions: Functions): OnnxSubgraph {
  return inlineGraph(graph, { functions, nodes: 0 })
}

/** The functions of a file, and the number of nodes that were written so far. */
interface Inlining {
  readonly functions: Functions
  nodes: number
}

function inlineGraph(graph: OnnxSubgraph, state: Inlining): OnnxSubgraph {
  return { ...graph, nodes: graph.nodes.flatMap((node) => inlineNode(node, state, 0)) }
}

function inlineNode(node: OnnxNode, state: Inlining, depth: number): readonly OnnxNode[] {
  const called = state.functions.get(keyOf(node.domain, node.op, node.overload))
  state.nodes++
  // Functions that call others twice grow with a power of two.
  if (state.nodes > mostNodes) {
    throw new GraphError(
      'ROBENCH_MODEL_FILE',
      `its local functions expand to more than ${mostNodes} nodes`,
    )
  }
  if (!called) return [inlineInside(node, state)]
  if (depth === deepest) {
    throw new GraphError(
      'ROBENCH_MODEL_FILE',
      `local function "${node.op}" is nested more than ${deepest} times, or calls itself`,
    )
  }
  return bodyOf(node, called).flatMap((inner) => inlineNode(inner, state, depth + 1))
}

/** A node whose graphs are inlined. */
function inlineInside(node: OnnxNode, state: Inlining): OnnxNode {
  if (subgraphsOf(node).length === 0) return node
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).map(([key, item]): [string, OnnxAttribute] => [
      key,
      item.type === 'graph' ? { ...item, value: inlineGraph(item.value, state) } : item,
    ]),
  )
  return { ...node, attributes }
}

/** The nodes of one call. */
function bodyOf(call: OnnxNode, { inputs, outputs, nodes, defaults }: LocalFunction): OnnxNode[] {
  const prefix = call.outputs.find((name) => name !== '') ?? call.name
  const names = new Map<string, string>()
  inputs.forEach((name, i) => names.set(name, call.inputs[i] ?? ''))
  outputs.forEach((name, i) => {
    const given = call.outputs[i]
    if (given) names.set(name, given)
  })
  const passed = outputs.flatMap((name, i): OnnxNode[] => {
    const source = inputs.includes(name) ? call.inputs[inputs.indexOf(name)] : undefined
    const given = call.outputs[i]
    if (source === undefined || !given) return []
    // The function returns one of its inputs.
    names.set(name, source)
    const identity = { op: 'Identity', domain: '', attributes: {} }
    return [{ ...identity, name: `${prefix}/${name}`, inputs: [source], outputs: [given] }]
  })
  const rename = (name: string): string => names.get(name) ?? `${prefix}/${name}`
  const resolve = (attribute: OnnxAttribute): OnnxAttribute | undefined =>
    attribute.type === 'reference'
      ? (call.attributes[attribute.value] ?? defaults[attribute.value])
      : attribute
  const body = nodes.map((node) => ({
    ...renameNode(node, rename, resolve),
    name: `${call.name || prefix}/${node.name || node.op}`,
  }))
  return [...body, ...passed]
}

function keyOf(domain: string, name: string, overload = ''): string {
  return JSON.stringify([domain, name, overload])
}
