/** Simplifies a graph before its import: removes unused nodes and computes constants. */
import { RobenchError } from '../../base/errors.ts'
import { writeOnnx, type OnnxGraph, type OnnxNode, type OnnxValueInfo } from '../onnx/file.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { operators } from './ops/index.ts'
import { isRandom } from './random-operators.ts'
import { Session } from './session.ts'

/** The graph without the nodes that these outputs do not need. */
export function pruneGraph(graph: OnnxGraph, outputs: readonly string[]): OnnxGraph {
  return {
    ...graph,
    outputs: graph.outputs.filter(({ name }) => outputs.includes(name)),
    nodes: nodesBefore(graph, outputs),
  }
}

/**
 * The graph with unsupported operators replaced by their values where these depend on no input
 * (unpacked weights, tables of positions). onnxruntime computes them once. What it cannot compute
 * stays, and the import rejects it.
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

/** Nodes whose values depend on no input. */
function constantNodes(graph: OnnxGraph): OnnxNode[] {
  const constant = new Set(graph.initializers.keys())
  return graph.nodes.filter((node) => {
    const isPlain = node.domain === '' && !isRandom(node) && !hasSubgraph(node)
    const isConstant = isPlain && node.inputs.every((name) => name === '' || constant.has(name))
    if (isConstant) for (const name of node.outputs) constant.add(name)
    return isConstant
  })
}

/** If, Loop and Scan contain subgraphs, which read values that are not among their inputs. */
function hasSubgraph(node: OnnxNode): boolean {
  return Object.values(node.attributes).some(({ type }) => type === 'unsupported')
}

function isKnown(node: OnnxNode): boolean {
  return node.op === 'Constant' || operators.get(node.op) !== undefined
}

/** The nodes that the named values depend on, in the order of the file. */
function nodesBefore(graph: OnnxGraph, names: readonly string[]): OnnxNode[] {
  const wanted = new Set(names)
  const needed: OnnxNode[] = []
  let keepsAll = false
  for (const node of graph.nodes.toReversed()) {
    if (!keepsAll && !node.outputs.some((name) => wanted.has(name))) continue
    for (const name of node.inputs) wanted.add(name)
    needed.push(node)
    // The reads of subgraphs are unknown, so all earlier nodes stay.
    keepsAll ||= hasSubgraph(node)
  }
  return needed.toReversed()
}
