/**
 * Values that a graph computes but that are known before the run, because they follow from
 * constants and sizes. onnxruntime computes them.
 */
import type { OnnxGraph, OnnxNode } from '../onnx/graph.ts'
import { namesRead } from '../onnx/subgraphs.ts'
import { newData } from '../onnx/tensor-data.ts'
import { sizeOf, tensor, type Tensor } from '../tensor/tensor.ts'
import { divideDims, multiplyDims, type Dim } from './dim.ts'
import { evaluateNodes } from './evaluate-nodes.ts'
import { g } from './graph.ts'
import { isRandom } from './random-operators.ts'
import type { Value } from './value.ts'

/** Batch sizes that tell a multiple of the batch from a constant. */
const batches = [5, 7] as const

/** What is known of the tensors of a file, in the course of an import. */
export class KnownValues {
  readonly #graph: OnnxGraph
  readonly #values: ReadonlyMap<string, Value>
  /** Nodes whose results are known. */
  readonly #producers = new Map<string, OnnxNode>()
  readonly #results = new Map<string, Promise<Value | undefined>>()

  /** @param values the imported tensors, which grow during the import */
  constructor(graph: OnnxGraph, values: ReadonlyMap<string, Value>) {
    this.#graph = graph
    this.#values = values
  }

  /** Registers a node. Returns whether its results are known. */
  add(node: OnnxNode): boolean {
    const isSize = node.domain === '' && (node.op === 'Shape' || node.op === 'Size')
    const known = !isRandom(node) && (isSize || namesRead(node).every((name) => this.#has(name)))
    if (known) for (const name of node.outputs) this.#producers.set(name, node)
    return known
  }

  #has(name: string): boolean {
    return (
      name === '' || this.#producers.has(name) || this.#values.get(name)?.node.op === 'Constant'
    )
  }

  /**
   * A tensor as a constant, or as a vector of sizes that follow the batch; undefined if it depends
   * on more than constants and sizes, or onnxruntime cannot compute it.
   * @param images an input whose first size is the batch
   */
  find(name: string, images: Value | undefined): Promise<Value | undefined> {
    const found = this.#results.get(name) ?? this.#compute(name, images)
    this.#results.set(name, found)
    return found
  }

  async #compute(name: string, images: Value | undefined): Promise<Value | undefined> {
    const nodes: OnnxNode[] = []
    const leaves = new Map<string, Value>()
    const seen = new Set([name])
    // Grows while it is read.
    for (const next of seen) {
      const value = this.#values.get(next)
      if (value && (value.node.op === 'Constant' || value.contents)) {
        leaves.set(next, value)
        continue
      }
      const producer = this.#producers.get(next)
      if (!producer) return undefined
      nodes.push(producer)
      for (const read of namesRead(producer)) if (read !== '') seen.add(read)
    }
    if (nodes.length === 0) return this.#values.get(name)
    const order = new Set(nodes)
    const symbolic = [...leaves.values()].some(({ contents }) =>
      contents?.some((dim) => typeof dim === 'string'),
    )
    const results: Tensor[] = []
    for (const batch of symbolic ? batches : batches.slice(0, 1)) {
      const initializers = new Map<string, Tensor>()
      for (const [leaf, value] of leaves) {
        const known = value.node.tensor ?? withBatch(value, batch)
        if (!known) return undefined
        initializers.set(leaf, known)
      }
      const result = await evaluateNodes(
        { ...this.#graph, initializers, nodes: [...order].toReversed() },
        [name],
      )
      if (!result) return undefined
      results.push(result[name]!)
    }
    const [first, second = first] = results
    if (isEqual(first!, second!)) return g.constant(first!, name)
    return images && followingBatch(first!, second!, images)
  }
}

/** Sizes as a tensor, for a batch. */
function withBatch({ dtype, shape, contents }: Value, batch: number): Tensor | undefined {
  const sizes = contents!.map((dim) => (typeof dim === 'number' ? dim : divideDims(dim, 'n')))
  const isWhole = sizes.length === sizeOf(shape.map(Number))
  if (!isWhole || !sizes.every((size) => typeof size === 'number')) return undefined
  const data = newData(dtype, sizes.length)
  sizes.forEach((size, i) => {
    const number = typeof contents![i] === 'string' ? size * batch : size
    data[i] = dtype === 'int64' || dtype === 'uint64' ? BigInt(number) : number
  })
  return tensor(dtype, shape.map(Number), data)
}

function isEqual(a: Tensor, b: Tensor): boolean {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false
  return a.data.every((value: number | bigint, i: number) => Object.is(value, b.data[i]))
}

/** Integers of two batches as an expression of the batch; undefined if they are no multiples. */
function followingBatch(first: Tensor, second: Tensor, images: Value): Value | undefined {
  const isVector = first.shape.length <= 1 && first.shape.join() === second.shape.join()
  if (!isVector || first.dtype !== 'int64' || images.shape[0] !== 'n') return undefined
  const sizes: Dim[] = []
  for (const [i, item] of first.data.entries()) {
    const [a, b] = [Number(item), Number(second.data[i])]
    if (a === b) sizes.push(a)
    else if (a * batches[1] === b * batches[0]) sizes.push(multiplyDims(['n', a / batches[0]]))
    else return undefined
  }
  const [batch] = g.op('Shape', [images], { start: 0, end: 1 })
  const parts = sizes.map((size) => {
    if (typeof size === 'number') return g.integers([size])
    const factor = divideDims(size, 'n')
    return factor === 1 ? batch! : g.mul(batch!, g.integers([Number(factor)]))
  })
  const vector = g.concat(parts, 0)
  return first.shape.length === 0 ? g.squeeze(vector, [0]) : vector
}
