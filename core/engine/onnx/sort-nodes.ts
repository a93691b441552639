/** Sorts nodes topologically. Some exporters write them in another order, which onnxruntime runs. */
import type { OnnxNode, OnnxSubgraph } from './graph.ts'
import { namesRead } from './subgraphs.ts'

/**
 * The nodes of a graph, each after those that it reads, otherwise in their order. In linear time,
 * and iterative, so that depth is not limited. In a cycle, the order stays.
 */
export function sortNodes({ nodes }: Pick<OnnxSubgraph, 'nodes'>): readonly OnnxNode[] {
  const producers = new Map<string, OnnxNode>()
  for (const node of nodes) for (const name of node.outputs) producers.set(name, node)
  // An omitted output has no name.
  producers.delete('')
  const reads = new Map(nodes.map((node) => [node, namesRead(node)]))
  const sorted: OnnxNode[] = []
  const started = new Set<OnnxNode>()
  for (const node of nodes) {
    if (started.has(node)) continue
    started.add(node)
    const stack = [{ node, next: 0 }]
    while (stack.length > 0) {
      const top = stack.at(-1)!
      const name = reads.get(top.node)![top.next]
      if (name === undefined) {
        sorted.push(top.node)
        stack.pop()
        continue
      }
      top.next += 1
      const producer = producers.get(name)
      if (!producer || started.has(producer)) continue
      started.add(producer)
      stack.push({ node: producer, next: 0 })
    }
  }
  return sorted
}
