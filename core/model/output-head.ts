/** The last operators of a file: whether its outputs are logits. */
import type { OnnxGraph, OnnxNode } from '../engine/onnx/file.ts'

/** Operators that only move or rename the values of the head. */
const transparent: ReadonlySet<string> = new Set([
  'Identity',
  'Flatten',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Cast',
  'Dropout',
])

/** Number of operators that describe a head. */
const shown = 3

/**
 * The operator that computes an output, before those that only move or rename values; undefined if
 * the output is not computed. The logarithm of a softmax counts as LogSoftmax.
 * @param output default: the first
 */
export function lastOperator(
  graph: OnnxGraph,
  output = graph.outputs[0]?.name,
): string | undefined {
  const [last, before] = operatorsBefore(graph, output)
  if (last !== 'Log') return last
  return before === 'Softmax' ? 'LogSoftmax' : 'Log'
}

/** The last operators before an output that compute values, in the order of the graph. */
export function lastOperators(graph: OnnxGraph, output = graph.outputs[0]?.name): string[] {
  return operatorsBefore(graph, output).toReversed()
}

/** From the last operator back along first inputs. */
function operatorsBefore({ nodes }: OnnxGraph, output: string | undefined): string[] {
  const makers = new Map<string, OnnxNode>()
  for (const node of nodes) for (const name of node.outputs) makers.set(name, node)
  const maker = (name = ''): OnnxNode | undefined => makers.get(name)
  const found: string[] = []
  // A damaged file may have a cycle.
  const seen = new Set<OnnxNode>()
  for (let node = maker(output); node && !seen.has(node); node = maker(node.inputs[0])) {
    seen.add(node)
    if (!transparent.has(node.op)) found.push(node.op)
    if (found.length === shown) break
  }
  return found
}
