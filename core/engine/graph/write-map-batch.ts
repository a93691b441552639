/** `MapBatch` in files: the operator `Scan` over parts of the batch. */
import type { OnnxAttribute, OnnxGraph, OnnxNode } from '../onnx/graph.ts'
import { renameGraph } from '../onnx/subgraphs.ts'
import { int64, type Tensor } from '../tensor/tensor.ts'
import type { Body } from './value.ts'

/** Nodes to be added to a graph, and the constants that they read. */
export interface WrittenNodes {
  readonly nodes: readonly OnnxNode[]
  readonly initializers: ReadonlyMap<string, Tensor>
  /** Operator sets that the body uses. */
  readonly domains: readonly string[]
}

/**
 * The nodes of a `MapBatch`.
 * @param inputs names in the graph
 * @param outputs names in the graph
 * @param prefix no other name starts with it
 * @param writeBody writes an expression as a graph
 */
export function writeMapBatch(
  body: Body,
  inputs: readonly string[],
  outputs: readonly string[],
  prefix: string,
  writeBody: (body: Body) => OnnxGraph,
): WrittenNodes {
  const initializers = new Map<string, Tensor>()
  const nodes: OnnxNode[] = []
  const integers = (...values: number[]): string => {
    const name = `${prefix}i${values.join('_')}`
    initializers.set(name, int64([values.length], values))
    return name
  }
  const add = (
    op: string,
    from: readonly string[],
    to = `${prefix}t${nodes.length}`,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string => {
    const name = `${prefix}${nodes.length}`
    nodes.push({ name, op, domain: '', inputs: from, outputs: [to], attributes })
    return to
  }
  const batch = Number(body.inputs[0]!.shape[0])
  const first = { axis: { type: 'int', value: 0 } } as const
  const rows = batch === 1 ? '' : add('Shape', [inputs[0]!], undefined, firstSize)
  let places = ''
  if (batch > 1) {
    // The rows 0, 1, …, the last one repeated until the last part is full.
    const filled = add('Add', [rows, integers(batch - 1)])
    const whole = add('Mul', [add('Div', [filled, integers(batch)]), integers(batch)])
    const zero = add('Squeeze', [integers(0)])
    const one = add('Squeeze', [integers(1)])
    const all = add('Range', [zero, add('Squeeze', [whole]), one])
    places = add('Min', [all, add('Sub', [rows, integers(1)])])
  }
  const parts = inputs.map((input, i) => {
    if (batch === 1) return add('Unsqueeze', [input, integers(1)])
    const sizes = body.inputs[i]!.shape.slice(1).map(Number)
    const filled = add('Gather', [input, places], undefined, first)
    return add('Reshape', [filled, integers(-1, batch, ...sizes)])
  })
  const graph = writeBody(body)
  const scanned = outputs.map((_, i) => `${prefix}s${i}`)
  nodes.push({
    name: `${prefix}scan`,
    op: 'Scan',
    domain: '',
    inputs: parts,
    outputs: scanned,
    attributes: {
      num_scan_inputs: { type: 'int', value: parts.length },
      body: {
        type: 'graph',
        value: renameGraph(graph, (name) => `${prefix}body/${name}`),
      },
    },
  })
  outputs.forEach((output, i) => {
    if (batch === 1) add('Squeeze', [scanned[i]!, integers(1)], output)
    else {
      const sizes = body.outputs[i]!.shape.slice(1).map(Number)
      const flat = add('Reshape', [scanned[i]!, integers(-1, ...sizes)])
      add('Slice', [flat, integers(0), rows, integers(0)], output)
    }
  })
  return { nodes, initializers, domains: graph.domains }
}

const firstSize = { start: { type: 'int', value: 0 }, end: { type: 'int', value: 1 } } as const
