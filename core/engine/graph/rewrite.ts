/** Rewrites expressions: substitution, lowering, and folding of batch normalization. */
import { float32 } from '../tensor/tensor.ts'
import type { Builder } from './builder.ts'
import { createNode, topologicalOrder, type Node, type Value } from './value.ts'
import { g } from './graph.ts'
import { mapBatch } from './map-batch.ts'
import { operators } from './ops/index.ts'
import { numberOf } from './operator-call.ts'

/** The new outputs of a node; undefined keeps it, with rewritten inputs. */
export type Rewrite = (
  node: Node,
  inputs: readonly (Value | null)[],
) => readonly Value[] | undefined

/**
 * Rewrites a graph in topological order. Unchanged parts are shared with the original.
 * @param builder applies operators to rewritten inputs; it knows all of the graph
 */
export function rewrite(values: readonly Value[], visit: Rewrite, builder: Builder = g): Value[] {
  const replaced = new Map<Node, readonly Value[]>()
  const current = (value: Value): Value => replaced.get(value.node)![value.index]!
  for (const node of topologicalOrder(values)) {
    const inputs = node.inputs.map((input) => input && current(input))
    const outputs = visit(node, inputs)
    if (outputs) {
      replaced.set(node, outputs)
      continue
    }
    const unchanged = inputs.every((input, i) => input === node.inputs[i])
    replaced.set(node, unchanged ? node.outputs : reapply(node, inputs, builder))
  }
  return values.map(current)
}

/** Replaces values, usually placeholders. Shapes are inferred again. */
export function substitute(
  values: readonly Value[],
  replacements: ReadonlyMap<Value, Value>,
): Value[] {
  return rewrite(values, (node) => {
    if (!node.outputs.some((output) => replacements.has(output))) return undefined
    return node.outputs.map((output) => replacements.get(output) ?? output)
  })
}

/**
 * Replaces operators that are slow or missing in onnxruntime.
 * @param kept operators that stay
 */
export function lower(values: readonly Value[], kept: readonly string[] = []): Value[] {
  return rewrite(values, (node, inputs) => {
    if (kept.includes(node.op)) return undefined
    const record = operators.get(node.op)
    return record?.lower?.(g, { ...node, inputs })
  })
}

/** Replaces LogSoftmax: the WebGPU provider has no kernel for it and would copy to the host. */
export function lowerLogSoftmax(values: readonly Value[]): Value[] {
  return rewrite(values, (node, [x]) => {
    if (node.op !== 'LogSoftmax') return undefined
    const axes = [numberOf(node, 'axis')]
    const shifted = g.sub(x!, g.reduceMax(x!, axes, true))
    return [g.sub(shifted, g.log(g.reduceSum(g.exp(shifted), axes, true)))]
  })
}

/**
 * Folds each batch normalization after a convolution into the convolution's weights, for inference.
 * Constant weights are folded immediately; placeholders by expressions, which onnxruntime folds
 * once they are known.
 */
export function foldBatchNormalization(values: readonly Value[]): Value[] {
  const uses = countUses(values)
  return rewrite(values, (node, inputs) => {
    const [x, scale, bias, mean, variance] = inputs
    if (node.op === 'Identity' && x) return [x]
    if (node.op !== 'BatchNormalization' || numberOf(node, 'training_mode') !== 0) return undefined
    const conv = x!.node
    if (conv.op !== 'Conv' || !isUsedOnce(node.inputs[0]!, uses)) return undefined
    const [source, kernel, convBias] = conv.inputs
    const epsilon = numberOf(node, 'epsilon')
    const statistics = [scale!, bias!, mean!, variance!] as const
    const folded =
      foldNumbers(kernel!, convBias ?? null, statistics, epsilon) ??
      foldExpressions(kernel!, convBias ?? null, statistics, epsilon)
    return g.op('Conv', [source!, ...folded], conv.attributes, conv.name)
  })
}

/**
 * Folds a division or multiplication by a constant per channel, such as the last step of input
 * normalization, into the weights of the convolution after it, for inference. The padding of the
 * convolution stays zero.
 */
export function foldScales(values: readonly Value[]): Value[] {
  const uses = countUses(values)
  return rewrite(values, (node, inputs) => {
    const [scaled, kernel, ...rest] = inputs
    const { op, inputs: operands } = scaled?.node ?? { op: '', inputs: [] }
    if (node.op !== 'Conv' || numberOf(node, 'group') !== 1) return undefined
    if ((op !== 'Div' && op !== 'Mul') || !isUsedOnce(node.inputs[0]!, uses)) return undefined
    const [x, scale] = operands
    const weights = floatsOf(kernel!)
    const factors = floatsOf(scale!)
    const channels = kernel!.shape[1] as number
    if (!weights || !factors || !isPerChannel(scale!.shape, channels) || x!.dtype !== 'float32') {
      return undefined
    }
    const perChannel = weights.length / (kernel!.shape[0] as number) / channels
    const folded = weights.map((weight, i) => {
      const factor = factors[factors.length === 1 ? 0 : Math.floor(i / perChannel) % channels]!
      return op === 'Div' ? weight / factor : weight * factor
    })
    const constant = g.constant(float32(kernel!.shape as readonly number[], folded))
    return g.op('Conv', [x!, constant, ...rest], node.attributes, node.name)
  })
}

/** Whether a shape broadcasts over `[n, c, h, w]` as one number per channel, or one for all. */
function isPerChannel(shape: Value['shape'], channels: number): boolean {
  const [column, ...others] = shape.slice(-3)
  if (shape.every((dim) => dim === 1)) return shape.length <= 4
  const isColumn = column === channels && others.length === 2 && others.every((dim) => dim === 1)
  return isColumn && (shape.length === 3 || (shape.length === 4 && shape[0] === 1))
}

type Statistics = readonly [scale: Value, bias: Value, mean: Value, variance: Value]

/**
 * Kernel and bias of the folded convolution, computed in float64; undefined unless all are
 * constants.
 */
function foldNumbers(
  kernel: Value,
  convBias: Value | null,
  statistics: Statistics,
  epsilon: number,
): [Value, Value] | undefined {
  const weights = floatsOf(kernel)
  const offset = convBias ? floatsOf(convBias) : null
  const [a, b, m, v] = statistics.map(floatsOf)
  if (!weights || offset === undefined || !a || !b || !m || !v) return undefined
  const perChannel = weights.length / a.length
  const slope = Float64Array.from(a, (value, i) => value / Math.sqrt(v[i]! + epsilon))
  const folded = Float32Array.from(
    weights,
    (value, i) => value * slope[Math.floor(i / perChannel)]!,
  )
  const shift = Float32Array.from(slope, (value, i) => b[i]! + ((offset?.[i] ?? 0) - m[i]!) * value)
  return [
    g.constant(float32(kernel.shape as readonly number[], folded)),
    g.constant(float32([shift.length], shift)),
  ]
}

function foldExpressions(
  kernel: Value,
  convBias: Value | null,
  [scale, bias, mean, variance]: Statistics,
  epsilon: number,
): [Value, Value] {
  const slope = g.div(scale, g.sqrt(g.add(variance, epsilon)))
  const column = g.unsqueeze(
    slope,
    kernel.shape.slice(1).map((_, i) => i + 1),
  )
  const centered = convBias ? g.sub(convBias, mean) : g.neg(mean)
  return [g.mul(kernel, column), g.add(bias, g.mul(centered, slope))]
}

/** Applies the operator of a node to other inputs. */
export function reapply(
  node: Node,
  inputs: readonly (Value | null)[],
  builder: Builder = g,
): readonly Value[] {
  if (node.body)
    return mapBatch(
      inputs.filter((input) => input !== null),
      node.body,
    )
  if (node.inputs.length === 0) {
    const content = node.tensor && { tensor: node.tensor }
    return createNode(node.op, node.name, inputs, node.attributes, node.outputs, content).outputs
  }
  return builder.op(node.op, inputs, node.attributes, node.name)
}

/** Whether the value has one use, and so have the values that reach it through Identity nodes. */
export function isUsedOnce(value: Value, uses: ReadonlyMap<Value, number>): boolean {
  let source = value
  while (uses.get(source) === 1 && source.node.op === 'Identity') source = source.node.inputs[0]!
  return uses.get(source) === 1
}

/** The number of nodes and outputs that use each value. */
export function countUses(values: readonly Value[]): ReadonlyMap<Value, number> {
  const uses = new Map<Value, number>()
  const add = (value: Value): void => void uses.set(value, (uses.get(value) ?? 0) + 1)
  values.forEach(add)
  for (const node of topologicalOrder(values))
    for (const input of node.inputs) if (input) add(input)
  return uses
}

function floatsOf(value: Value): Float32Array | undefined {
  const data = value.node.tensor?.data
  return data instanceof Float32Array ? data : undefined
}
