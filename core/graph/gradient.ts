/** Reverse-mode differentiation of expressions. A gradient is itself an expression, so it can be differentiated again. */
import { GraphError } from '../errors.ts'
import type { Builder } from './builder.ts'
import { g } from './graph.ts'
import { describe } from './operator.ts'
import { isFloat } from './ops/elementwise.ts'
import { topologicalOrder, type Node, type Value } from './value.ts'

export interface GradientOptions {
  /** The gradient that flows into `of`; ones if left out, so a tensor is differentiated as its sum. */
  readonly upstream?: Value
  /** What to call the graph in errors. */
  readonly name?: string
}

/**
 * Gradients of (the sum of) a value with respect to others, each in the shape of its own.
 * Only nodes on a path from the wanted values are differentiated: an attack's graph never holds
 * the weights' gradients.
 *
 * @throws GraphError ROBENCH_NO_GRADIENT naming the node where an operator on the path has no rule.
 */
export function gradient(
  of: Value,
  withRespectTo: readonly Value[],
  options: GradientOptions = {},
): Value[] {
  const order = topologicalOrder([of])
  const onPath = markPath(order, withRespectTo)
  const gradients = new Map<Value, Value>()
  gradients.set(of, options.upstream ?? g.expandLike(g.scalar(1, of.dtype), of))
  for (const node of order.toReversed()) {
    const outputGradients = node.outputs.map((output) => gradients.get(output) ?? null)
    if (!onPath.has(node) || outputGradients.every((item) => item === null)) continue
    for (const [i, flowing] of inputGradients(
      node,
      outputGradients,
      onPath,
      withRespectTo,
      options,
    ).entries()) {
      const input = node.inputs[i]
      if (!input || !flowing) continue
      const undone = undoBroadcast(g, flowing, input)
      const earlier = gradients.get(input)
      gradients.set(input, earlier ? g.add(earlier, undone) : undone)
    }
  }
  return withRespectTo.map((value) => gradients.get(value) ?? g.zerosLike(value))
}

/** Nodes that depend on one of the wanted values, and the nodes of those values. */
function markPath(order: readonly Node[], wanted: readonly Value[]): ReadonlySet<Node> {
  const onPath = new Set<Node>(wanted.map((value) => value.node))
  for (const node of order) {
    if (node.inputs.some((input) => input && onPath.has(input.node))) onPath.add(node)
  }
  return onPath
}

function inputGradients(
  node: Node,
  outputGradients: readonly (Value | null)[],
  onPath: ReadonlySet<Node>,
  withRespectTo: readonly Value[],
  options: GradientOptions,
): readonly (Value | null)[] {
  const wanted = node.inputs.map(
    (input) =>
      !!input && isFloat(input.dtype) && (onPath.has(input.node) || withRespectTo.includes(input)),
  )
  if (!wanted.some(Boolean)) return []
  const rule = g.record(node.op)?.vjp
  if (rule === 'zero') return []
  if (!rule) {
    throw new GraphError(
      'ROBENCH_NO_GRADIENT',
      `${options.name ?? 'graph'}: ${describe(node)} has no derivative rule, so gradients cannot pass it; black-box attacks, which need no gradient, still work`,
      { details: { op: node.op, node: node.name } },
    )
  }
  const answers = rule(g, { ...node, wanted }, outputGradients)
  return answers.map((answer, i) => (wanted[i] ? answer : null))
}

/** Sums a gradient over the axes along which its value was repeated. */
function undoBroadcast(builder: Builder, flowing: Value, value: Value): Value {
  const surplus = flowing.shape.length - value.shape.length
  const leading = Array.from({ length: surplus }, (_, i) => i)
  const repeated = value.shape.flatMap((dim, i) =>
    dim === 1 && flowing.shape[i + surplus] !== 1 ? [i + surplus] : [],
  )
  let result = flowing
  if (repeated.length > 0) result = builder.reduceSum(result, repeated, true)
  if (leading.length > 0) result = builder.reduceSum(result, leading)
  return result
}
