/** A session that computes once what depends only on weights. */
import type { Tensor } from '../tensor/tensor.ts'
import { g } from './graph.ts'
import { toOnnx } from './serialize.ts'
import { finishFor, Session, type SessionOptions } from './session.ts'
import { createNode, topologicalOrder, type Node, type Value } from './value.ts'

/**
 * A graph in which some placeholders, such as weights, keep their values over many runs. What
 * depends only on them (folded normalization, kernels in the order that convolutions need) is
 * computed by `prepare`, as onnxruntime does for constants when it loads a graph, but without
 * loading it again.
 */
export class PreparedSession {
  readonly #first: Session
  readonly #second: Session
  #prepared: Readonly<Record<string, Tensor>> = {}

  private constructor(first: Session, second: Session) {
    this.#first = first
    this.#second = second
  }

  /**
   * Compiles expressions, as `Session.compile` does.
   * @param fixed the placeholders that `prepare` sets
   * @param inputs the other placeholders
   */
  static async compile(
    outputs: Readonly<Record<string, Value>>,
    fixed: readonly Value[],
    inputs: readonly Value[],
    options: SessionOptions = {},
    name = 'graph',
  ): Promise<PreparedSession> {
    const names = Object.keys(outputs)
    const finish = await finishFor(Object.values(outputs), options)
    const { prepared, values } = split(finish(Object.values(outputs)), fixed)
    const unchanged = (items: readonly Value[]): readonly Value[] => items
    const placeholders = [...prepared.values()]
    const [before, after] = [
      Object.fromEntries([...prepared].map(([value, { node }]) => [node.name, value])),
      Object.fromEntries(values.map((value, i) => [names[i]!, value])),
    ]
    const first = await Session.load(toOnnx(before, fixed, {}, unchanged), options, name)
    const second = await Session.load(
      toOnnx(after, [...inputs, ...placeholders], {}, unchanged),
      options,
      name,
    )
    return new PreparedSession(first, second)
  }

  /** Sets the fixed placeholders for the runs that follow. */
  async prepare(feeds: Readonly<Record<string, Tensor>>, name = 'graph'): Promise<void> {
    this.#prepared = await this.#first.run(feeds, name)
  }

  /** Runs the graph with the values of the last `prepare`. Errors as of `Session.run`. */
  run(feeds: Readonly<Record<string, Tensor>>, name = 'graph'): Promise<Record<string, Tensor>> {
    return this.#second.run({ ...feeds, ...this.#prepared }, name)
  }

  /** Frees the native sessions. */
  async release(): Promise<void> {
    await Promise.all([this.#first.release(), this.#second.release()])
  }
}

/**
 * Replaces what depends only on `fixed` (and constants) by placeholders.
 * @returns the placeholder of each replaced value, and the values after the replacement
 */
function split(
  values: readonly Value[],
  fixed: readonly Value[],
): { readonly prepared: ReadonlyMap<Value, Value>; readonly values: readonly Value[] } {
  const prepared = new Map<Value, Value>()
  const kinds = new Map<Node, 'constant' | 'fixed' | 'varying'>()
  const replaced = new Map<Value, Value>()
  const read = (value: Value): Value => {
    if (kinds.get(value.node) !== 'fixed') return replaced.get(value) ?? value
    const placeholder =
      prepared.get(value) ?? g.input(`prepared/${prepared.size}`, value.dtype, value.shape)
    prepared.set(value, placeholder)
    return placeholder
  }
  for (const node of topologicalOrder(values)) {
    const kind = kindOf(node, fixed, kinds)
    kinds.set(node, kind)
    if (kind !== 'varying' || node.inputs.length === 0) continue
    const inputs = node.inputs.map((input) => input && read(input))
    if (inputs.every((input, i) => input === node.inputs[i])) continue
    const { op, name, attributes, outputs, body } = node
    const copy = createNode(op, name, inputs, attributes, outputs, body && { body })
    outputs.forEach((output, i) => replaced.set(output, copy.outputs[i]!))
  }
  return { prepared, values: values.map(read) }
}

function kindOf(
  node: Node,
  fixed: readonly Value[],
  kinds: ReadonlyMap<Node, 'constant' | 'fixed' | 'varying'>,
): 'constant' | 'fixed' | 'varying' {
  if (node.op === 'Constant') return 'constant'
  if (node.inputs.length === 0) return fixed.includes(node.outputs[0]!) ? 'fixed' : 'varying'
  const own = node.inputs.flatMap((input) => (input ? [kinds.get(input.node)!] : []))
  if (own.includes('varying')) return 'varying'
  return own.includes('fixed') ? 'fixed' : 'constant'
}
