/** Passes in half precision, on devices that compute those faster. */
import { largestHalf, numberToHalf } from '../tensor/half.ts'
import { tensor } from '../tensor/tensor.ts'
import { g } from './graph.ts'
import { reapply, rewrite } from './rewrite.ts'
import type { Node, Value } from './value.ts'

/** Operators that take nearly all of the time of a pass. */
const products = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul'])

/**
 * Operators between products, which read and write less memory in half precision. They round each
 * element at most once more. Sums over many elements, exponentials, and normalization are not among
 * them.
 */
const between = new Set(
  [
    ['Add', 'Mul', 'Neg', 'Sub', 'Where', 'Sign', 'Max', 'Min'],
    ['Relu', 'LeakyRelu', 'Clip', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'],
    ['Concat', 'Expand', 'Flatten', 'Identity', 'Pad', 'Reshape', 'Slice', 'Split', 'Squeeze'],
    ['Transpose', 'Unsqueeze', 'DepthToSpace', 'SpaceToDepth', 'MaxPool', 'AveragePool'],
  ].flat(),
)

/** Products with fewer terms per output row, such as those of losses, stay in float32. */
const smallest = 4096

/**
 * Computes products in float16, and what is between them; the rest, inputs, and results stay
 * float32. Products add in float32 on GPUs. A node with a constant beyond float16's range stays as
 * it is.
 * @see Micikevicius et al. 2018, "Mixed precision training", arXiv:1710.03740
 */
export function computeInHalf(values: readonly Value[]): Value[] {
  /** Results in float16, by their casts to float32. */
  const computed = new Map<Value, Value>()
  const converted = new Map<Value, Value>()
  const halfOf = (value: Value): Value => {
    const half = computed.get(value) ?? converted.get(value) ?? convert(value)
    converted.set(value, half)
    return half
  }
  return rewrite(values, (node, inputs) => {
    const floats = inputs.filter((input) => input?.dtype === 'float32') as readonly Value[]
    const follows = floats.some((input) => computed.has(input))
    const mask = follows && isReluMask(node)
    if (!mask && !(follows && between.has(node.op)) && !isLargeProduct(node)) return undefined
    if (!floats.every(isInRange)) return undefined
    const halves = inputs.map((input) => (input?.dtype === 'float32' ? halfOf(input) : input))
    const outputs = mask ? g.op('Sign', halves, {}, node.name) : reapply(node, halves)
    return outputs.map((output) => {
      if (output.dtype !== 'float16') return output
      const single = g.cast(output, 'float32')
      computed.set(single, output)
      return single
    })
  })
}

function isLargeProduct({ op, inputs }: Node): boolean {
  if (!products.has(op) || inputs[0]?.dtype !== 'float32') return false
  if (op.startsWith('Conv')) return true
  const sizes = [...inputs[0].shape.slice(-2), ...inputs[1]!.shape.slice(-1)]
  return (
    sizes.reduce((terms: number, size) => terms * (typeof size === 'number' ? size : 1), 1) >=
    smallest
  )
}

/** Whether this is `blockedMask` of a ReLU, whose slope 2¹²⁷ is beyond the range of float16. */
function isReluMask({ op, inputs, attributes }: Node): boolean {
  if (op !== 'HardSigmoid' || inputs[0]?.node.op !== 'Relu') return false
  return attributes['alpha'] === 2 ** 127 && attributes['beta'] === 0
}

/** A float32 value in float16: a constant at once. */
function convert(value: Value): Value {
  const data = value.node.tensor?.data
  if (!(data instanceof Float32Array)) return g.cast(value, 'float16')
  const { shape } = value.node.tensor!
  return g.constant(tensor('float16', shape, Uint16Array.from(data, numberToHalf)))
}

/** Whether no constant is beyond float16's range. */
function isInRange(value: Value): boolean {
  const data = value.node.tensor?.data
  if (!(data instanceof Float32Array)) return true
  return data.every((item) => Math.abs(item) <= largestHalf)
}
