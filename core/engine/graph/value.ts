/** Expressions: immutable values, each an output of a node with an ONNX operator. */
import type { DType, Tensor } from '../tensor/tensor.ts'
import type { Dim } from './dim.ts'

/** An attribute value. The record of the operator distinguishes integers from floats. */
export type AttributeValue = number | string | readonly number[] | Tensor
/** Attribute values by name. */
export type Attributes = Readonly<Record<string, AttributeValue>>

/** One application of an operator. `Input` and `Constant` are the leaves. */
export interface Node {
  readonly op: string
  readonly name: string
  /** null for an omitted optional input. */
  readonly inputs: readonly (Value | null)[]
  readonly attributes: Attributes
  readonly outputs: readonly Value[]
  /** The value of a `Constant`. */
  readonly tensor?: Tensor
  /** What a `MapBatch` applies to each part of the batch. */
  readonly body?: Body
}

/** An expression of its own placeholders, whose first sizes are one number: the batch. */
export interface Body {
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
}

/** A tensor in an expression. */
export interface Value {
  readonly node: Node
  /** The index among the outputs of the node. */
  readonly index: number
  readonly dtype: DType
  readonly shape: readonly Dim[]
  /** The contents, if they are integers known before the run: sizes and axes, possibly symbolic. */
  readonly contents?: readonly Dim[]
}

/** The result of shape inference for one output. */
export interface Inferred {
  readonly dtype: DType
  readonly shape: readonly Dim[]
  readonly contents?: readonly Dim[]
}

/** Creates a node and its outputs. */
export function createNode(
  op: string,
  name: string,
  inputs: readonly (Value | null)[],
  attributes: Attributes,
  inferred: readonly Inferred[],
  content: Pick<Node, 'tensor' | 'body'> = {},
): Node {
  const outputs: Value[] = []
  const node: Node = {
    op,
    name,
    inputs,
    attributes,
    outputs,
    ...content,
  }
  inferred.forEach((item, index) => outputs.push({ ...item, node, index }))
  return node
}

/**
 * All nodes that the values depend on, each after its inputs. Iterative, so that depth is not
 * limited.
 */
export function topologicalOrder(values: readonly Value[]): Node[] {
  const order: Node[] = []
  const done = new Set<Node>()
  const stack: { node: Node; next: number }[] = []
  const visit = (node: Node): void => {
    if (!done.has(node)) {
      done.add(node)
      stack.push({ node, next: 0 })
    }
  }
  for (const value of values) {
    visit(value.node)
    while (stack.length > 0) {
      const top = stack.at(-1)!
      const input = top.node.inputs[top.next]
      if (top.next < top.node.inputs.length) {
        top.next += 1
        if (input) visit(input.node)
      } else {
        order.push(top.node)
        stack.pop()
      }
    }
  }
  return order
}
