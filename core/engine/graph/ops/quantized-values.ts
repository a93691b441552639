/**
 * Quantized tensors in expressions: float32 values that are integers, q, for x = (q − zero)·scale.
 * The derivative passes rounding as a straight-through estimate; clipping to the range of the
 * integer type keeps its derivative.
 */
import { float32, type DType, type Tensor } from '../../tensor/tensor.ts'
import type { SampleInput } from '../operator.ts'
import { shapeError, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'

/** Scale and zero point of a quantized tensor; a missing zero point is 0. */
export interface Quantization {
  readonly scale: Value
  readonly zero?: Value | null | undefined
}

const ranges: Partial<Readonly<Record<DType, readonly [low: number, high: number]>>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
}

/** The smallest and largest integer of a quantized type. @throws GraphError for other types */
export function rangeOf(call: Call, dtype: DType): readonly [low: number, high: number] {
  const range = ranges[dtype]
  if (range) return range
  throw shapeError(
    call,
    `the quantized type ${dtype} is not supported (supported: ${Object.keys(ranges).join(', ')})`,
  )
}

/**
 * The quantized type of an operator's result: that of the first of these inputs with an integer
 * type. Quantized values in expressions are float32, so that only constants show it.
 */
export function quantizedType(call: Call, ...inputs: readonly number[]): DType {
  const types = inputs.map((index) => call.inputs[index]?.dtype)
  return types.find((dtype) => dtype !== undefined && dtype in ranges) ?? 'uint8'
}

/** The numbers of a tensor as float32; those of a constant are converted now. */
export function numeric(g: Builder, value: Value): Value {
  if (value.dtype === 'float32') return value
  const constant = value.node.tensor
  if (!constant || constant.dtype === 'float16') return g.cast(value, 'float32')
  return g.constant(float32(constant.shape, numbersOf(constant)))
}

/** q − zero. @param axis of a vector of zero points, of `rank` axes */
export function centered(
  g: Builder,
  value: Value,
  zero: Value | null | undefined,
  axis?: number,
): Value {
  const q = numeric(g, value)
  if (!zero || isZero(zero)) return q
  const offset = along(g, numeric(g, zero), q.shape.length, axis)
  const [a, b] = [q.node.tensor, offset.node.tensor]
  if (a && b && b.data.length === 1) {
    const shift = Number(b.data[0])
    return g.constant(
      float32(
        a.shape,
        numbersOf(a).map((item) => item - shift),
      ),
    )
  }
  return g.sub(q, offset)
}

/** (q − zero)·scale. @param axis of vectors of scales and zero points */
export function dequantize(
  g: Builder,
  value: Value,
  { scale, zero }: Quantization,
  axis?: number,
): Value {
  const integers = centered(g, value, zero, axis)
  return g.mul(integers, along(g, scale, integers.shape.length, axis))
}

/** clip(round(x / scale) + zero), as integers in float32. @param axis as for `dequantize` */
export function quantize(
  g: Builder,
  call: Call,
  x: Value,
  { scale, zero }: Quantization,
  dtype: DType,
  axis?: number,
): Value {
  const scaled = g.div(x, along(g, scale, x.shape.length, axis))
  return toRange(g, call, scaled, zero && along(g, numeric(g, zero), x.shape.length, axis), dtype)
}

/** clip(round(x) + zero). */
export function toRange(
  g: Builder,
  call: Call,
  x: Value,
  zero: Value | null | undefined,
  dtype: DType,
): Value {
  const [low, high] = rangeOf(call, dtype)
  const rounded = g.op('StraightThroughRound', [x])[0]!
  const shifted = !zero || isZero(zero) ? rounded : g.add(rounded, numeric(g, zero))
  return g.clip(shifted, low, high)
}

/** A vector along an axis of a tensor of that rank, in a shape that broadcasts. */
export function along(g: Builder, parameter: Value, rank: number, axis?: number): Value {
  if (parameter.shape.length === 0) return parameter
  if (parameter.shape.length === 1 && parameter.shape[0] === 1) return g.reshape(parameter, [])
  if (axis === undefined || parameter.shape.length > 1) return parameter
  const after = rank - 1 - (axis < 0 ? axis + rank : axis)
  if (after === 0) return parameter
  return g.unsqueeze(
    parameter,
    Array.from({ length: after }, (_, i) => i + 1),
  )
}

/** An 8-bit sample input. */
export const bytes = (
  shape: readonly number[],
  dtype: 'uint8' | 'int8' = 'uint8',
): SampleInput => ({
  shape,
  dtype,
  ...(dtype === 'uint8' ? { low: 0, high: 255 } : { low: -128, high: 127 }),
})

/** A constant scale or zero point as a sample input: a scalar, or a vector. */
export const parameter = (
  values: number | readonly number[],
  dtype: DType = 'float32',
): SampleInput =>
  typeof values === 'number'
    ? { shape: [], values: [values], dtype, constant: true }
    : { shape: [values.length], values, dtype, constant: true }

function isZero({ node }: Value): boolean {
  return node.tensor !== undefined && numbersOf(node.tensor).every((item) => item === 0)
}

function numbersOf({ data }: Tensor): Float32Array {
  const numbers = new Float32Array(data.length)
  for (let i = 0; i < numbers.length; i++) numbers[i] = Number(data[i])
  return numbers
}
