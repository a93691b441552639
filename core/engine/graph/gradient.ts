/** Reverse-mode differentiation. A gradient is an expression, so it can be differentiated again. */
import { GraphError } from '../../base/errors.ts'
import type { Builder } from './builder.ts'
import { formatShape } from './dim.ts'
import { g } from './graph.ts'
import { operators } from './ops/index.ts'
import { describe } from './operator-call.ts'
import { isFloat } from './ops/elementwise.ts'
import { mapBatch, renamePlaceholders } from './map-batch.ts'
import { topologicalOrder, type Body, type Node, type Value } from './value.ts'

/** Options of `gradient`. */
export interface GradientOptions {
  /**
   * The upstream gradient of `of`. Default: ones, so that the sum of a tensor is differentiated.
   */
  readonly upstream?: Value
  /** The name of the graph in errors. */
  readonly name?: string
  /**
   * Gradient overrides: the gradient of each key goes to its value instead of to the inputs of its
   * node, or nowhere if that is null. The target must be an earlier value with the same shape. The
   * operators between need no derivative rule.
   */
  readonly overrides?: ReadonlyMap<Value, Value | null>
  /**
   * Uses the `surrogate` of operators whose derivative is zero almost everywhere, such as `Round`.
   */
  readonly straightThrough?: boolean
}

/**
 * Gradients of the sum of a value with respect to others, each with the shape of its value. Only
 * nodes on a path from these values are differentiated, so the graph of an attack does not contain
 * the gradients of weights.
 * @throws GraphError ROBENCH_NO_GRADIENT naming the node if an operator on the path has no rule;
 *   ROBENCH_GRAPH for an invalid override
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

/** Nodes that depend on one of the values, and the nodes of these values. */
function markPath(order: readonly Node[], wanted: readonly Value[]): ReadonlySet<Node> {
  const onPath = new Set<Node>(wanted.map((value) => value.node))
  for (const node of order) {
    if (node.inputs.some((input) => input && onPath.has(input.node))) onPath.add(node)
  }
  return onPath
}

/** The target of an override must be processed later; the sweep goes from the last node back. */
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
    `${name ?? 'graph'}: the gradient of ${describe(from.node)} ${formatShape(from.shape)} ` +
      `cannot be passed to ${describe(to.node)} ${formatShape(to.shape)}: ` +
      'expected an earlier value with the same shape',
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
  if (node.body) return bodyGradients(node, node.body, outputGradients, wanted, options)
  const rule = surrogate ?? record?.vjp
  if (rule === 'zero') return []
  if (!rule) {
    throw new GraphError(
      'ROBENCH_NO_GRADIENT',
      `${options.name ?? 'graph'}: ${describe(node)} has no derivative rule, ` +
        'so gradients cannot pass through it; ' +
        'black-box attacks, which need no gradient, still work',
      { details: { op: node.op, node: node.name } },
    )
  }
  const gradients = rule(g, { ...node, wanted }, outputGradients)
  return gradients.map((item, i) => (wanted[i] ? item : null))
}

/** The gradients of a `MapBatch`: its body's gradient, applied to each part of the batch. */
function bodyGradients(
  node: Node,
  body: Body,
  outputGradients: readonly (Value | null)[],
  wanted: readonly boolean[],
  { name, straightThrough }: GradientOptions,
): readonly (Value | null)[] {
  const sources = body.inputs.filter((_, i) => wanted[i])
  const flowing: Value[] = []
  const upstreams: Value[] = []
  let totals: readonly Value[] | undefined
  body.outputs.forEach((output, k) => {
    const given = outputGradients[k]
    if (!given) return
    const upstream = g.input(`upstream${k}`, output.dtype, output.shape)
    flowing.push(given)
    upstreams.push(upstream)
    const own = gradient(output, sources, {
      upstream,
      ...(name !== undefined && { name }),
      ...(straightThrough !== undefined && { straightThrough }),
    })
    totals = totals ? totals.map((total, i) => g.add(total, own[i]!)) : own
  })
  const inputs = node.inputs.flatMap((input) => input ?? [])
  // Gradients of gradients would use the same names again.
  const own = renamePlaceholders({
    inputs: [...body.inputs, ...upstreams],
    outputs: totals ?? [],
  })
  const results = mapBatch([...inputs, ...flowing], own)
  let next = 0
  return wanted.map((isWanted) => (isWanted ? results[next++]! : null))
}

/**
 * Whether a value that is not a float comes from an operator with a surrogate, which can pass its
 * gradient on.
 */
function isThreshold({ node }: Value): boolean {
  return operators.get(node.op)?.surrogate !== undefined
}

/** Sums a gradient over the axes along which its value was broadcast. */
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
