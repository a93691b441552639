/** Making a file smaller before it is read: nodes that nothing wanted needs go, parts that need no input are computed. */
import { RobenchError } from '../../base/errors.ts'
import { writeOnnx, type OnnxGraph, type OnnxNode, type OnnxValueInfo } from '../onnx/file.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { operators } from './ops/index.ts'
import { isRandom } from './random-operators.ts'
import { Session } from './session.ts'

/** The graph without the nodes that the outputs of those names do not need. */
export function pruneGraph(graph: OnnxGraph, outputs: readonly string[]): OnnxGraph {
  return {
    ...graph,
    outputs: graph.outputs.filter(({ name }) => outputs.includes(name)),
    nodes: nodesBefore(graph, outputs),
  }
}

/**
 * The graph with the operators that robench does not know replaced by their values, where these
 * depend on no input (weights that are unpacked, tables of positions). onnxruntime computes them,
 * once. Whatever it cannot compute stays, to be refused by the import.
 */
export async function foldUnknownConstants(graph: OnnxGraph): Promise<OnnxGraph> {
  const unknown = constantNodes(graph).filter((node) => !isKnown(node))
  if (unknown.length === 0) return graph
  const names = unknown.flatMap((node) => node.outputs).filter((name) => name !== '')
  const values = await evaluate(graph, names)
  if (!values) return graph
  return {
    ...graph,
    initializers: new Map([...graph.initializers, ...Object.entries(values)]),
    nodes: graph.nodes.filter((node) => !unknown.includes(node)),
  }
}

async function evaluate(
  graph: OnnxGraph,
  names: readonly string[],
): Promise<Record<string, Tensor> | undefined> {
  const nodes = nodesBefore(graph, names)
  const read = new Set(nodes.flatMap((node) => node.inputs))
  const outputs: readonly OnnxValueInfo[] = names.map((name) => ({
    name,
    dtype: null,
    shape: null,
  }))
  const initializers = new Map([...graph.initializers].filter(([name]) => read.has(name)))
  try {
    const session = await Session.load(
      writeOnnx({ ...graph, inputs: [], outputs, initializers, nodes, values: [] }),
    )
    try {
      return await session.run({})
    } finally {
      await session.release()
    }
  } catch (error) {
    if (error instanceof RobenchError) return undefined
    throw error
  }
}

/** Nodes whose values follow from the file alone. */
function constantNodes(graph: OnnxGraph): OnnxNode[] {
  const constant = new Set(graph.initializers.keys())
  return graph.nodes.filter((node) => {
    const isPlain = node.domain === '' && !isRandom(node) && !holdsGraph(node)
    const isConstant = isPlain && node.inputs.every((name) => name === '' || constant.has(name))
    if (isConstant) for (const name of node.outputs) constant.add(name)
    return isConstant
  })
}

/** If, Loop and Scan hold graphs of their own, which read values that their inputs do not name. */
function holdsGraph(node: OnnxNode): boolean {
  return Object.values(node.attributes).some(({ type }) => type === 'unsupported')
}

function isKnown(node: OnnxNode): boolean {
  return node.op === 'Constant' || operators.get(node.op) !== undefined
}

/** The nodes that the named values need, in the file's order. */
function nodesBefore(graph: OnnxGraph, names: readonly string[]): OnnxNode[] {
  const wanted = new Set(names)
  const kept: OnnxNode[] = []
  let keepsAll = false
  for (const node of graph.nodes.toReversed()) {
    if (!keepsAll && !node.outputs.some((name) => wanted.has(name))) continue
    for (const name of node.inputs) wanted.add(name)
    kept.push(node)
    // What the graphs inside a node read is not known, so all that stands before it stays.
    keepsAll ||= holdsGraph(node)
  }
  return kept.toReversed()
}
