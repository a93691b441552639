/** onnxruntime's blocked layout, in which it runs convolutions with constant weights on CPUs. */
import { numberOf, numbersOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Node, Value } from '../value.ts'

/** The largest channel block of onnxruntime (16 with AVX-512, else 8). */
export const blockSize = 16

/** Other operators that onnxruntime runs on blocked tensors if all inputs are blocked. */
const elementwise = new Set(['Add', 'HardSigmoid', 'Mul', 'Relu', 'Sigmoid', 'Sum', 'Tanh'])
/** Operators that onnxruntime fuses into the preceding convolution. */
const fused = new Set(['Clip', 'LeakyRelu'])
const pooling = new Set(['AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'MaxPool'])

const blocked = new WeakMap<Value, boolean>()
const constant = new WeakMap<Node, boolean>()

/**
 * Whether onnxruntime will use its blocked layout (NCHWc) for a value `[n, c, h, w]`. Every other
 * operator then costs one pass over the tensor to leave the layout and one to enter it again.
 */
export function isBlocked(value: Value): boolean {
  const known = blocked.get(value)
  if (known !== undefined) return known
  const found = findBlocked(value)
  blocked.set(value, found)
  return found
}

function findBlocked({ node, index, dtype, shape }: Value): boolean {
  const channels = shape[1]
  if (index !== 0 || dtype !== 'float32' || shape.length !== 4) return false
  if (typeof channels !== 'number' || channels % blockSize !== 0) return false
  const [x, ...rest] = node.inputs
  if (node.op === 'Conv') {
    const inside = rest[0]!.shape[1] as number
    // onnxruntime pads input channels to whole blocks, and reorders them in fours.
    const fits = numberOf(node, 'group') === 1 ? inside < 8 || inside % 4 === 0 : inside === 1
    return fits && rest.every((item) => !item || isConstant(item.node))
  }
  if (pooling.has(node.op)) return isBlocked(x!)
  if (fused.has(node.op)) return x!.node.op === 'Conv' && isBlocked(x!)
  return (
    elementwise.has(node.op) &&
    node.inputs.every((input) => isBlocked(input!) && sameShape(input!, x!))
  )
}

function sameShape(a: Value, b: Value): boolean {
  return a.shape.length === b.shape.length && a.shape.every((dim, i) => dim === b.shape[i])
}

/** Whether a value has whole blocks, so that a convolution reads it in the blocked layout. */
function canEnter({ dtype, shape }: Value): boolean {
  return dtype === 'float32' && typeof shape[1] === 'number' && shape[1] % blockSize === 0
}

/**
 * Whether a node depends on no placeholder, so that onnxruntime computes it once, when it loads the
 * graph.
 */
export function isConstant(node: Node): boolean {
  const known = constant.get(node)
  if (known !== undefined) return known
  const found =
    node.op === 'Constant' ||
    (node.inputs.length > 0 && node.inputs.every((input) => !input || isConstant(input.node)))
  constant.set(node, found)
  return found
}

/**
 * The same value in the blocked layout: a convolution with one tap of 1 per channel, unless it is
 * blocked already.
 */
export function enterBlocked(g: Builder, value: Value): Value {
  return isBlocked(value) ? value : enterBlockedWith(g, value, null)
}

/**
 * The same value in the blocked layout, plus a bias per channel. onnxruntime fuses a following ReLU
 * or addition.
 */
export function enterBlockedWith(g: Builder, value: Value, bias: Value | null): Value {
  const channels = value.shape[1] as number
  const ones = g.floats(
    [channels, 1, 1, 1],
    Array.from({ length: channels }, () => 1),
  )
  return g.conv(value, ones, bias, { group: channels })
}

/**
 * 1 where y > 0 and 0 where y = 0, for the blocked output of a ReLU, without leaving the layout:
 * clip(2¹²⁷·y, 0, 1). Exact except for 0 < y < 2⁻¹²⁷, where it is between 0 and 1. These are
 * subnormal numbers, which some devices flush to 0.
 */
export function blockedMask(g: Builder, y: Value): Value {
  return g.op('HardSigmoid', [y], { alpha: 2 ** 127, beta: 0 })[0]!
}

/**
 * 1 where y < limit and 0 where y = limit, for a blocked value that is at most `limit`: clip((limit −
 * y) / u, 0, 1) with the distance u of the limit from the next smaller float32. Exact.
 * @param limit a positive float32
 */
export function maskBelow(g: Builder, y: Value, limit: number): Value {
  const spacing = 2 ** (Math.ceil(Math.log2(limit)) - 24)
  return g.op('HardSigmoid', [y], { alpha: -1 / spacing, beta: limit / spacing })[0]!
}

/**
 * A convolution with few output channels, such as the gradient of an image, would fill most of each
 * block with zeros. This one computes several adjacent columns as channels; in the layout [n, h, w,
 * c] they are in the right order.
 * @returns undefined where the plain convolution should stay
 */
export function convolveColumns(g: Builder, call: Call): Value | undefined {
  const [x, weight, bias] = call.inputs as readonly [Value, Value, (Value | null)?]
  const [out, , height, width] = weight.shape as number[]
  const plain = [
    ...(numbersOf(call, 'strides') ?? []),
    ...(numbersOf(call, 'dilations') ?? []),
    numberOf(call, 'group'),
  ].every((n) => n === 1)
  if (x.shape.length !== 4 || !plain || bias || call.attributes['auto_pad'] !== 'NOTSET')
    return undefined
  const pads = numbersOf(call, 'pads') ?? [0, 0, 0, 0]
  const [rows, columns] = [0, 1].map(
    (i) => (x.shape[i + 2] as number) + pads[i]! + pads[i + 2]! - [height!, width!][i]! + 1,
  ) as [number, number]
  const together = [8, 4, 2].find((count) => count * out! <= blockSize && columns % count === 0)
  if (!together || !canEnter(x) || !isConstant(weight.node)) return undefined
  const y = g.conv(x, shiftedColumns(g, weight, together), null, { strides: [1, together], pads })
  const image = g.reshape(g.transpose(y, [0, 2, 3, 1]), [0, rows, columns, out!])
  return g.transpose(image, [0, 3, 1, 2])
}

/** Kernels `[count · o, c, h, w + count − 1]` that compute `count` adjacent columns. */
export function shiftedColumns(g: Builder, weight: Value, count: number): Value {
  const shifted = Array.from({ length: count }, (_, s) =>
    g.pad(weight, [0, 0, 0, s, 0, 0, 0, count - 1 - s]),
  )
  return g.concat(shifted, 0)
}
