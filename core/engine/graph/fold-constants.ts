/** Simplifies a graph before its import: removes unused nodes and computes constants. */
import { RobenchError } from '../../base/errors.ts'
import { writeOnnx, type OnnxGraph, type OnnxNode, type OnnxValueInfo } from '../onnx/file.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { qualifiedName } from './operator-name.ts'
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
 * The operators whose inputs from that index on are sizes, axes, or positions that the import must
 * know.
 */
const sizeInputs: Readonly<Record<string, number>> = {
  ConstantOfShape: 0,
  CumSum: 1,
  Expand: 1,
  OneHot: 1,
  Pad: 1,
  Range: 0,
  ReduceL1: 1,
  ReduceL2: 1,
  ReduceLogSum: 1,
  ReduceLogSumExp: 1,
  ReduceMax: 1,
  ReduceMean: 1,
  ReduceMin: 1,
  ReduceProd: 1,
  ReduceSum: 1,
  ReduceSumSquare: 1,
  Reshape: 1,
  Resize: 1,
  Slice: 1,
  Split: 1,
  Squeeze: 1,
  Tile: 1,
  TopK: 1,
  Unsqueeze: 1,
  Upsample: 1,
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
  const values = await evaluate(graph, names)
  if (!values) return graph
  const remaining: OnnxGraph = {
    ...graph,
    initializers: new Map([...graph.initializers, ...Object.entries(values)]),
    nodes: graph.nodes.filter((node) => !folded.includes(node)),
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
    const isPlain = !isRandom(node) && !hasSubgraph(node)
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
  return node.op === 'Constant' || operators.get(qualifiedName(node)) !== undefined
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
