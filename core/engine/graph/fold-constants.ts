/** Simplifies a graph before its import: removes unused nodes and computes constants. */
import type { OnnxGraph, OnnxNode } from '../onnx/graph.ts'
import { namesRead } from '../onnx/subgraphs.ts'
import { evaluateNodes } from './evaluate-nodes.ts'
import { qualifiedName } from './operator-name.ts'
import { operators } from './ops/index.ts'
import { isRandom } from './random-operators.ts'
import { sizeInputs } from './size-inputs.ts'

/** The graph without the nodes that these outputs do not need. */
export function pruneGraph(graph: OnnxGraph, outputs: readonly string[]): OnnxGraph {
  return {
    ...graph,
    outputs: graph.outputs.filter(({ name }) => outputs.includes(name)),
    nodes: nodesBefore(graph, outputs),
  }
}

/**
 * The graph with nodes replaced by their values where these depend on no input: of unsupported
 * operators (unpacked weights, tables of positions), and of sizes, axes, and pads that are computed
 * from constants. onnxruntime computes them once. What it cannot compute stays, and the import
 * rejects it.
 */
export async function foldConstants(graph: OnnxGraph): Promise<OnnxGraph> {
  const constant = constantNodes(graph)
  const sizes = sizesRead(graph)
  const folded = constant.filter(
    (node) =>
      !isKnown(node) || (node.op !== 'Constant' && node.outputs.some((name) => sizes.has(name))),
  )
  if (folded.length === 0) return graph
  const names = folded.flatMap((node) => node.outputs).filter((name) => name !== '')
  const nodes = nodesBefore(graph, names)
  const read = new Set(nodes.flatMap(namesRead))
  const initializers = new Map([...graph.initializers].filter(([name]) => read.has(name)))
  const values = await evaluateNodes({ ...graph, initializers, nodes }, names)
  if (!values) return graph
  const gone = new Set(folded)
  const remaining: OnnxGraph = {
    ...graph,
    initializers: new Map([...graph.initializers, ...Object.entries(values)]),
    nodes: graph.nodes.filter((node) => !gone.has(node)),
  }
  const outputs = graph.outputs.map(({ name }) => name)
  return { ...remaining, nodes: nodesBefore(remaining, outputs) }
}

/** The tensors that are read as sizes, axes, or positions. */
function sizesRead({ nodes }: OnnxGraph): ReadonlySet<string> {
  return new Set(
    nodes.flatMap(({ op, domain, inputs }) =>
      domain === '' ? inputs.slice(sizeInputs[op] ?? inputs.length) : [],
    ),
  )
}

/** Nodes whose values depend on no input. */
function constantNodes(graph: OnnxGraph): OnnxNode[] {
  const constant = new Set(graph.initializers.keys())
  return graph.nodes.filter((node) => {
    const isConstant =
      !isRandom(node) && namesRead(node).every((name) => name === '' || constant.has(name))
    if (isConstant) for (const name of node.outputs) constant.add(name)
    return isConstant
  })
}

function isKnown(node: OnnxNode): boolean {
  return node.op === 'Constant' || operators.get(qualifiedName(node)) !== undefined
}

/** The nodes that the named values depend on, in the order of the file. */
function nodesBefore(graph: OnnxGraph, names: readonly string[]): OnnxNode[] {
  const wanted = new Set(names)
  const needed: OnnxNode[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue
    for (const name of namesRead(node)) wanted.add(name)
    needed.push(node)
  }
  return needed.toReversed()
}
