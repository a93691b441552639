/** Reverse-mode differentiation of expressions. A gradient is itself an expression, so it can be differentiated again. */
import { GraphError } from '../../base/errors.ts'
import type { Builder } from './builder.ts'
import { formatShape } from './dim.ts'
import { g } from './graph.ts'
import { operators } from './ops/index.ts'
import { describe } from './operator-call.ts'
import { isFloat } from './ops/elementwise.ts'
import { topologicalOrder, type Node, type Value } from './value.ts'

export interface GradientOptions {
  /** The gradient that flows into `of`; ones if left out, so a tensor is differentiated as its sum. */
  readonly upstream?: Value
  /** What to call the graph in errors. */
  readonly name?: string
  /**
   * Values whose gradient does not go back into what computes them. It is handed to the value named, which must be one that
   * they depend on, of the same shape; or to nobody where that is null. The operators between need no derivative rule.
   */
  readonly overrides?: ReadonlyMap<Value, Value | null>
  /** Operators whose derivative is zero almost everywhere, such as `Round`, get their `surrogate` in its place. */
  readonly straightThrough?: boolean
}

/**
 * Gradients of (the sum of) a value with respect to others, each in the shape of its own.
 * Only nodes on a path from the wanted values are differentiated: an attack's graph never holds
 * the weights' gradients.
 *
 * @throws GraphError ROBENCH_NO_GRADIENT naming the node where an operator on the path has no rule, ROBENCH_GRAPH for an invalid override.
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
  const collect = (value: Value, flowing: Value): void => {
    const undone = undoBroadcast(g, flowing, value)
    const earlier = gradients.get(value)
    gradients.set(value, earlier ? g.add(earlier, undone) : undone)
  }
  const places = options.overrides && new Map(order.map((node, place) => [node, place]))
  for (const node of order.toReversed()) {
    if (!onPath.has(node)) continue
    const outputGradients = node.outputs.map((output) => {
      const flowing = gradients.get(output) ?? null
      const end = options.overrides?.get(output)
      if (end === undefined || flowing === null) return flowing
      if (end !== null) {
        checkOverride(output, end, places!, options)
        collect(end, flowing)
      }
      return null
    })
    if (outputGradients.every((item) => item === null)) continue
    for (const [i, flowing] of inputGradients(
      node,
      outputGradients,
      onPath,
      withRespectTo,
      options,
    ).entries()) {
      const input = node.inputs[i]
      if (input && flowing) collect(input, flowing)
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

/** The target of an override must be processed later: the sweep goes from the last node to the first. */
function checkOverride(
  from: Value,
  to: Value,
  places: ReadonlyMap<Node, number>,
  { name }: GradientOptions,
): void {
  const isAhead = (places.get(to.node) ?? Infinity) < places.get(from.node)!
  if (isAhead && formatShape(to.shape) === formatShape(from.shape)) return
  throw new GraphError(
    'ROBENCH_GRAPH',
    `${name ?? 'graph'}: the gradient of ${describe(from.node)} ${formatShape(from.shape)} cannot be handed to ${describe(to.node)} ${formatShape(to.shape)}: expected a value before it, of its shape`,
  )
}

function inputGradients(
  node: Node,
  outputGradients: readonly (Value | null)[],
  onPath: ReadonlySet<Node>,
  withRespectTo: readonly Value[],
  options: GradientOptions,
): readonly (Value | null)[] {
  const record = operators.get(node.op)
  const surrogate = options.straightThrough ? record?.surrogate : undefined
  const wanted = node.inputs.map(
    (input) =>
      !!input &&
      (isFloat(input.dtype) || (!!surrogate && isThreshold(input))) &&
      (onPath.has(input.node) || withRespectTo.includes(input)),
  )
  if (!wanted.some(Boolean)) return []
  const rule = surrogate ?? record?.vjp
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

/** Whether a value that is no float comes from an operator that has a surrogate, to which it can pass a gradient on. */
function isThreshold({ node }: Value): boolean {
  return operators.get(node.op)?.surrogate !== undefined
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
