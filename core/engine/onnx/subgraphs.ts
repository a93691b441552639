/** Names in graphs inside nodes: which are read from outside, and renaming. */
import type { OnnxAttribute, OnnxNode, OnnxSubgraph } from './graph.ts'

/** The graphs inside a node. */
export function subgraphsOf({ attributes }: OnnxNode): OnnxSubgraph[] {
  return Object.values(attributes).flatMap((item) => (item.type === 'graph' ? [item.value] : []))
}

/** The tensors that a node reads, by itself or in its graphs. */
export function namesRead(node: OnnxNode): readonly string[] {
  const graphs = subgraphsOf(node)
  if (graphs.length === 0) return node.inputs
  return [...node.inputs, ...graphs.flatMap((graph) => [...outerNames(graph)])]
}

/** The tensors that a graph reads but does not define. */
function outerNames(graph: OnnxSubgraph): ReadonlySet<string> {
  const defined = new Set(graph.inputs.map(({ name }) => name))
  for (const name of graph.initializers.keys()) defined.add(name)
  for (const { outputs } of graph.nodes) for (const name of outputs) defined.add(name)
  const outer = new Set<string>()
  const read = [...graph.nodes.flatMap(namesRead), ...graph.outputs.map(({ name }) => name)]
  for (const name of read) if (!defined.has(name)) outer.add(name)
  return outer
}

/**
 * A node with other names for its tensors, and its attributes resolved.
 * @param rename the new name of a tensor
 * @param resolve the value of an attribute; undefined omits it
 */
export function renameNode(
  node: OnnxNode,
  rename: (name: string) => string,
  resolve: (attribute: OnnxAttribute) => OnnxAttribute | undefined = (item) => item,
): OnnxNode {
  const attributes: Record<string, OnnxAttribute> = {}
  for (const [key, attribute] of Object.entries(node.attributes)) {
    const resolved = resolve(attribute)
    if (resolved?.type === 'graph') {
      attributes[key] = { type: 'graph', value: renameGraph(resolved.value, rename, resolve) }
    } else if (resolved) attributes[key] = resolved
  }
  const renamed = (name: string): string => (name === '' ? '' : rename(name))
  const [inputs, outputs] = [node.inputs.map(renamed), node.outputs.map(renamed)]
  return { ...node, inputs, outputs, attributes }
}

/** A graph with other names for all of its tensors. */
export function renameGraph(
  graph: OnnxSubgraph,
  rename: (name: string) => string,
  resolve: (attribute: OnnxAttribute) => OnnxAttribute | undefined = (item) => item,
): OnnxSubgraph {
  return {
    inputs: graph.inputs.map((info) => ({ ...info, name: rename(info.name) })),
    outputs: graph.outputs.map((info) => ({ ...info, name: rename(info.name) })),
    initializers: new Map(Array.from(graph.initializers, ([name, item]) => [rename(name), item])),
    nodes: graph.nodes.map((node) => renameNode(node, rename, resolve)),
  }
}
