/** Convolutions and matrix products of quantized tensors. @see `quantized-values.ts` */
import { defineFunction, float, int, ints, text, type OpRecord } from '../operator.ts'
import { inputOf, numberOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Attributes, Value } from '../value.ts'
import { dynamicRange } from './quantization.ts'
import {
  along,
  bytes,
  centered,
  numeric,
  parameter,
  quantizedType,
  toRange,
} from './quantized-values.ts'

const convolution = {
  auto_pad: text('NOTSET'),
  dilations: ints(),
  group: int(1),
  kernel_shape: ints(),
  pads: ints(),
  strides: ints(),
}
const [scaleA, scaleB, scaleY] = [parameter(0.013), parameter(0.021), parameter(0.31)]
const zero = parameter(120, 'uint8')

export const QLinearConv = quantizedConvolution('QLinearConv')
/** With the attribute `channels_last`, for images `[n, …, c]`. */
export const ContribQLinearConv = quantizedConvolution('com.microsoft.QLinearConv')

/** Inputs x, w, and their zero points; the result is int32. */
export const ConvInteger = defineFunction({
  op: 'ConvInteger',
  attributes: convolution,
  straightThrough: true,
  body: (g, call) => {
    const x = centered(g, inputOf(call, 0), call.inputs[2])
    const weight = centered(g, inputOf(call, 1), call.inputs[3], 0)
    return g.op('Conv', [x, weight], call.attributes)
  },
  samples: [
    { inputs: [bytes([1, 2, 4, 4]), bytes([3, 2, 3, 3])] },
    {
      inputs: [bytes([1, 2, 4, 4]), bytes([3, 2, 3, 3], 'uint8'), parameter(7, 'uint8'), zero],
      attributes: { pads: [1, 1, 1, 1], strides: [2, 2] },
    },
  ],
})

/** Inputs a, b, and their zero points; the result is int32. */
export const MatMulInteger = defineFunction({
  op: 'MatMulInteger',
  attributes: {},
  straightThrough: true,
  body: (g, call) => [integerProduct(g, call, 2)],
  samples: [
    { inputs: [bytes([2, 3]), bytes([3, 4], 'int8')] },
    {
      inputs: [bytes([2, 3, 4]), bytes([4, 2], 'int8'), zero, parameter([3, -5], 'int8')],
    },
  ],
})

/** Inputs a, b with scale and zero point each, and scale and zero point of the result. */
export const QLinearMatMul = defineFunction({
  op: 'QLinearMatMul',
  attributes: {},
  straightThrough: true,
  body: (g, call) => {
    const [, aScale, , , bScale, , yScale, yZero] = call.inputs
    const a = centered(g, inputOf(call, 0), call.inputs[2], -2)
    const b = centered(g, inputOf(call, 3), call.inputs[5], -1)
    const rank = b.shape.length
    const factor = g.div(g.mul(along(g, aScale!, rank, -2), along(g, bScale!, rank, -1)), yScale!)
    return [toRange(g, call, g.mul(g.matMul(a, b), factor), yZero, quantizedType(call, 7, 2))]
  },
  samples: [
    {
      inputs: [bytes([2, 3]), scaleA, zero, bytes([3, 4]), scaleB, zero, scaleY, zero],
    },
  ],
})

/** α·AB + C of quantized tensors; quantized if scale and zero point of the result are given. */
export const QGemm = defineFunction({
  op: 'com.microsoft.QGemm',
  attributes: { alpha: float(1), transA: int(0), transB: int(0) },
  straightThrough: true,
  body: (g, call) => {
    const [, aScale, , , bScale, , c, yScale, yZero] = call.inputs
    const { transA, transB } = call.attributes
    const a = centered(g, inputOf(call, 0), call.inputs[2])
    const b = centered(g, inputOf(call, 3), call.inputs[5], transB === 1 ? 0 : 1)
    const bias = c ? numeric(g, c) : null
    const sums = g.op('Gemm', bias ? [a, b, bias] : [a, b], {
      transA: transA!,
      transB: transB!,
    })[0]!
    const factor = g.mul(
      g.mul(along(g, aScale!, 2), along(g, bScale!, 2, 1)),
      numberOf(call, 'alpha'),
    )
    if (!yScale) return [g.mul(sums, factor)]
    const scaled = g.mul(sums, g.div(factor, along(g, yScale, 2)))
    return [toRange(g, call, scaled, yZero, quantizedType(call, 8, 2))]
  },
  samples: [
    {
      inputs: [
        bytes([2, 3]),
        scaleA,
        zero,
        bytes([4, 3], 'int8'),
        scaleB,
        parameter(0, 'int8'),
        { shape: [4], dtype: 'int32', values: [100, -200, 3000, 0], constant: true },
        scaleY,
        zero,
      ],
      attributes: { transB: 1 },
    },
    {
      inputs: [bytes([2, 3]), scaleA, zero, bytes([3, 4], 'int8'), scaleB, parameter(0, 'int8')],
    },
  ],
})

/** A product of integers times both scales, plus a bias. Inputs a, b, scales, zero points, bias. */
export const MatMulIntegerToFloat = defineFunction({
  op: 'com.microsoft.MatMulIntegerToFloat',
  attributes: {},
  straightThrough: true,
  body: (g, call) => {
    const [, b, aScale, bScale, , , bias] = call.inputs
    const product = integerProduct(g, call, 4)
    const scaled = g.mul(product, g.mul(aScale!, along(g, bScale!, b!.shape.length, -1)))
    return [bias ? g.add(scaled, bias) : scaled]
  },
  samples: [
    {
      inputs: [
        bytes([2, 3]),
        bytes([3, 4], 'int8'),
        scaleA,
        parameter([0.01, 0.02, 0.03, 0.04]),
        zero,
        parameter([1, 2, 3, 4], 'int8'),
        [4],
      ],
    },
  ],
})

/** The same with a quantized by its own range, as by DynamicQuantizeLinear. */
export const DynamicQuantizeMatMul = defineFunction({
  op: 'com.microsoft.DynamicQuantizeMatMul',
  attributes: {},
  straightThrough: true,
  body: (g, call) => {
    const [a, b, bScale, bZero, bias] = call.inputs
    const range = dynamicRange(g, a!)
    const q = toRange(g, call, g.div(a!, range.scale), range.zero, 'uint8')
    const product = g.matMul(g.sub(q, range.zero), centered(g, b!, bZero, -1))
    const scaled = g.mul(product, g.mul(range.scale, along(g, bScale!, b!.shape.length, -1)))
    return [bias ? g.add(scaled, bias) : scaled]
  },
  samples: [
    { inputs: [[2, 3], bytes([3, 4], 'int8'), scaleB, parameter(0, 'int8'), [4]] },
    { inputs: [[2, 3], bytes([3, 4], 'int8'), parameter([0.01, 0.02, 0.03, 0.04])] },
  ],
})

/** Inputs x, w with scale and zero point each, scale and zero point of the result, bias. */
function quantizedConvolution(op: string): OpRecord {
  return defineFunction({
    op,
    attributes: { ...convolution, channels_last: int(0) },
    straightThrough: true,
    body: (g, call) => {
      const { channels_last: isLast, ...attributes } = call.attributes
      const x = inputOf(call, 0)
      if (isLast !== 1) return [convolve(g, call, x, attributes)]
      const y = convolve(g, call, channelsFirst(g, x), attributes)
      return [channelsLast(g, y)]
    },
    samples: [
      {
        inputs: [
          bytes([1, 2, 4, 4]),
          scaleA,
          zero,

          bytes([3, 2, 3, 3], 'int8'),
          parameter([0.01, 0.02, 0.03]),
          parameter([0, 0, 0], 'int8'),
          scaleY,
          zero,
          { shape: [3], dtype: 'int32', values: [100, -200, 3000], constant: true },
        ],
        attributes: { pads: [1, 1, 1, 1] },
      },
      ...(op === 'QLinearConv'
        ? []
        : [
            {
              inputs: [
                bytes([1, 4, 4, 2]),
                scaleA,
                zero,
                bytes([3, 2, 3, 3], 'int8'),
                scaleB,
                parameter(0, 'int8'),
                scaleY,
                zero,
              ],
              attributes: { channels_last: 1 },
            },
          ]),
    ],
  })
}

function convolve(g: Builder, call: Call, image: Value, attributes: Attributes): Value {
  const [, xScale, xZero, w, wScale, wZero, yScale, yZero, bias] = call.inputs
  const x = centered(g, image, xZero)
  const weight = centered(g, w!, wZero, 0)
  const inputs = bias ? [x, weight, numeric(g, bias)] : [x, weight]
  const sums = g.op('Conv', inputs, attributes, call.name)[0]!
  const factor = g.div(g.mul(xScale!, wScale!), yScale!)
  return toRange(g, call, g.mul(sums, along(g, factor, 4, 1)), yZero, quantizedType(call, 7, 2))
}

/** (a − zero)·(b − zero). @param zeros the index of the zero point of a; that of b is next */
function integerProduct(g: Builder, call: Call, zeros: number): Value {
  const a = centered(g, inputOf(call, 0), call.inputs[zeros], -2)
  const b = centered(g, inputOf(call, 1), call.inputs[zeros + 1], -1)
  return g.matMul(a, b)
}

/** `[n, …, c]` to `[n, c, …]`. */
export function channelsFirst(g: Builder, x: Value): Value {
  const axes = x.shape.map((_, axis) => axis)
  return g.transpose(x, [0, axes.length - 1, ...axes.slice(1, -1)])
}

/** `[n, c, …]` to `[n, …, c]`. */
export function channelsLast(g: Builder, x: Value): Value {
  const axes = x.shape.map((_, axis) => axis)
  return g.transpose(x, [0, ...axes.slice(2), 1])
}
