/** Graphs run by TensorFlow.js: each operator becomes its operations. */
import { GraphError } from '../../../base/errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { divideDims, type Dim } from '../dim.ts'
import { lower } from '../rewrite.ts'
import { topologicalOrder, type Node, type Value } from '../value.ts'
import { arrangementKernels } from './arrangement-kernels.ts'
import { openTfjs, type Tf, type TfTensor } from './backend.ts'
import { elementwiseKernels } from './elementwise-kernels.ts'
import { indexingKernels } from './indexing-kernels.ts'
import { fromTf, tfTypes, toTf, type Kernels } from './kernel.ts'
import { productKernels } from './product-kernels.ts'
import { reductionKernels } from './reduction-kernels.ts'
import { windowKernels } from './window-kernels.ts'

/** Every operator that the engine runs. */
const kernels: Kernels = {
  ...elementwiseKernels,
  ...arrangementKernels,
  ...indexingKernels,
  ...reductionKernels,
  ...productKernels,
  ...windowKernels,
}

/** Operators that are not lowered, because the lowered form is for the layout of onnxruntime. */
const kept = ['Add', 'Conv', 'ConvTranspose', 'Where']

/** Operators that the engine runs over one or two axes only. */
const convolutions: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose'])

/** A graph with its constants in the memory of TensorFlow.js. `release` frees them. */
export class TfjsGraph {
  readonly #tf: Tf
  readonly #outputs: Readonly<Record<string, Value>>
  readonly #inputs: readonly Value[]
  readonly #order: readonly Node[]
  readonly #constants: ReadonlyMap<Value, TfTensor>
  /** The values that no node reads after a node. */
  readonly #lastUses: ReadonlyMap<Node, readonly Value[]>
  /** The values that a node reads, or that are outputs. */
  readonly #used: ReadonlySet<Value>

  private constructor(tf: Tf, outputs: Readonly<Record<string, Value>>, inputs: readonly Value[]) {
    this.#tf = tf
    this.#outputs = outputs
    this.#inputs = inputs
    this.#order = topologicalOrder(Object.values(outputs))
    this.#lastUses = lastUses(this.#order, Object.values(outputs))
    this.#used = new Set([
      ...Object.values(outputs),
      ...this.#order.flatMap((node) => node.inputs.filter((input) => input !== null)),
    ])
    this.#constants = new Map(
      this.#order.flatMap((node) =>
        node.tensor ? [[node.outputs[0]!, toTf(tf, node.tensor)] as const] : [],
      ),
    )
  }

  /**
   * Prepares a graph.
   * @throws GraphError ROBENCH_GRAPH that lists all operators that the engine lacks; ConfigError if
   *   TensorFlow.js is not installed
   */
  static async compile(
    outputs: Readonly<Record<string, Value>>,
    inputs: readonly Value[],
    name: string,
  ): Promise<TfjsGraph> {
    const { tf } = await openTfjs()
    const names = Object.keys(outputs)
    const lowered = lower(Object.values(outputs), kept)
    const order = topologicalOrder(lowered)
    requireSupport(order, name)
    const placeholders = order.filter(({ op }) => op === 'Input')
    const missing = placeholders.find(({ outputs: [own] }) => !inputs.includes(own!))
    if (missing) {
      throw new GraphError(
        'ROBENCH_GRAPH',
        `placeholder "${missing.name}" is used but not among the graph's inputs`,
      )
    }
    const named = Object.fromEntries(lowered.map((value, i) => [names[i]!, value]))
    return new TfjsGraph(tf, named, inputs)
  }

  /** Names of the inputs. */
  get inputNames(): readonly string[] {
    return this.#inputs.map(({ node }) => node.name)
  }

  /** Runs the graph. Feeds and outputs are by name. */
  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const tf = this.#tf
    const values = new Map<Value, TfTensor>(this.#constants)
    const sizes = new Map<string, number>()
    for (const value of this.#inputs) {
      const feed = feeds[value.node.name]!
      value.shape.forEach((dim, axis) => {
        if (typeof dim === 'string') sizes.set(dim, feed.shape[axis]!)
      })
      values.set(value, toTf(tf, feed))
    }
    try {
      for (const node of this.#order) {
        if (node.op !== 'Input' && node.op !== 'Constant') this.#runNode(node, values, sizes)
        for (const value of this.#lastUses.get(node) ?? []) this.#free(value, values)
      }
      const results: Record<string, Tensor> = {}
      for (const [name, value] of Object.entries(this.#outputs)) {
        const result = values.get(value)!
        results[name] = fromTf(value.dtype, result.shape, await result.data())
      }
      return results
    } finally {
      for (const value of values.keys()) this.#free(value, values)
    }
  }

  /** Frees the constants. */
  async release(): Promise<void> {
    for (const value of this.#constants.values()) value.dispose()
  }

  #runNode(node: Node, values: Map<Value, TfTensor>, sizes: ReadonlyMap<string, number>): void {
    const inputs = node.inputs.map((input) => input && values.get(input)!)
    const shapes = node.outputs.map(({ shape }) => shape.map((dim) => resolveDim(dim, sizes)))
    const used = node.outputs.map((output) => this.#used.has(output))
    const made = this.#tf.tidy(() => {
      const result = kernels[node.op]!({ tf: this.#tf, node, inputs, shapes, used })
      const outputs = 'dtype' in result ? [result] : result
      // An output that is an input would be freed with it.
      const all = outputs.map((output) => output && this.#tf.clone(output))
      return all.map((output) => output ?? this.#tf.scalar(0))
    })
    made.forEach((output, i) => {
      if (used[i]) values.set(node.outputs[i]!, output)
      else output.dispose()
    })
  }

  #free(value: Value, values: Map<Value, TfTensor>): void {
    if (this.#constants.has(value)) return
    values.get(value)?.dispose()
    values.delete(value)
  }
}

function requireSupport(order: readonly Node[], name: string): void {
  const lacking = new Set<string>()
  for (const { op, inputs, outputs } of order) {
    if (op !== 'Input' && op !== 'Constant' && !kernels[op]) lacking.add(op)
    const axes = (inputs[0]?.shape.length ?? 0) - 2
    if (convolutions.has(op) && axes > 2) lacking.add(`${op} over ${axes} axes`)
    for (const { dtype } of outputs) if (!tfTypes[dtype]) lacking.add(`type ${dtype}`)
  }
  if (lacking.size === 0) return
  throw new GraphError(
    'ROBENCH_GRAPH',
    `${name}: engine tfjs lacks ${[...lacking].toSorted().join(', ')}; use --engine onnxruntime`,
    { details: { lacking: [...lacking] } },
  )
}

/** The values that each node is the last to read, without the outputs. */
function lastUses(
  order: readonly Node[],
  outputs: readonly Value[],
): ReadonlyMap<Node, readonly Value[]> {
  const readers = new Map<Value, Node>()
  for (const node of order) {
    for (const input of node.inputs) if (input) readers.set(input, node)
  }
  for (const value of outputs) readers.delete(value)
  const last = new Map<Node, Value[]>()
  for (const [value, node] of readers) last.set(node, [...(last.get(node) ?? []), value])
  return last
}

/** A dimension in a run; −1 if its symbol is unknown. */
function resolveDim(dim: Dim, sizes: ReadonlyMap<string, number>): number {
  if (typeof dim === 'number') return dim
  for (const [symbol, size] of sizes) {
    const factor = divideDims(dim, symbol)
    if (typeof factor === 'number') return factor * size
  }
  return -1
}
