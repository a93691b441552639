/**
 * Elementwise operators, pools, and concatenation of quantized tensors (com.microsoft): each
 * dequantizes, applies the operator, and quantizes. @see `quantized-values.ts`
 */
import { defineFunction, float, int, ints, text, type OpRecord, type Sample } from '../operator.ts'
import { inputOf, numberOf, type AttributeSpec, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Attributes, Value } from '../value.ts'
import { channelsFirst, channelsLast } from './quantized-layers.ts'
import { bytes, dequantize, parameter, quantize, quantizedType } from './quantized-values.ts'

const zero = parameter(120, 'uint8')
const [scaleX, scaleY] = [parameter(0.013), parameter(0.0117)]

export const QLinearAdd = binary('QLinearAdd', (g, a, b) => g.add(a, b), parameter(0.023))
export const QLinearMul = binary('QLinearMul', (g, a, b) => g.mul(a, b), parameter(0.019))

export const QLinearSigmoid = unary('QLinearSigmoid', {}, (g, x) => g.sigmoid(x), {})
export const QLinearLeakyRelu = unary(
  'QLinearLeakyRelu',
  { alpha: float(0.01) },
  (g, x, call) => g.op('LeakyRelu', [x], { alpha: numberOf(call, 'alpha') })[0]!,
  { alpha: 0.1 },
)
export const QLinearSoftmax = unary(
  'QLinearSoftmax',
  { axis: int(-1), opset: int(13) },
  (g, x, call) => g.softmax(x, numberOf(call, 'axis')),
  { axis: -1, opset: 13 },
)
export const QLinearGlobalAveragePool = pool('QLinearGlobalAveragePool', {}, {}, (g, x) =>
  g.globalAveragePool(x),
)
export const QLinearAveragePool = pool(
  'QLinearAveragePool',
  {
    auto_pad: text('NOTSET'),
    ceil_mode: int(0),
    count_include_pad: int(0),
    kernel_shape: ints(),
    pads: ints(),
    strides: ints(),
  },
  { kernel_shape: [2, 2], strides: [1, 1] },
  (g, x, { channels_last: _isLast, ...attributes }) => g.op('AveragePool', [x], attributes)[0]!,
)

/** MaxPool of images `[n, …, c]`, of quantized values. */
export const NhwcMaxPool = defineFunction({
  op: 'com.microsoft.NhwcMaxPool',
  attributes: {
    auto_pad: text('NOTSET'),
    ceil_mode: int(0),
    dilations: ints(),
    kernel_shape: ints(),
    pads: ints(),
    strides: ints(),
  },
  straightThrough: true,
  body: (g, call) => {
    const x = g.cast(inputOf(call, 0), 'float32')
    return [channelsLast(g, g.op('MaxPool', [channelsFirst(g, x)], call.attributes)[0]!)]
  },
  samples: [
    { inputs: [bytes([1, 4, 4, 2])], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  ],
})

/** Inputs scale and zero point of the result, then value, scale, and zero point of each part. */
export const QLinearConcat = defineFunction({
  op: 'com.microsoft.QLinearConcat',
  attributes: { axis: { type: 'int' } },
  straightThrough: true,
  body: (g, call) => {
    const [yScale, yZero, ...parts] = call.inputs
    const values = parts.flatMap((value, i) =>
      i % 3 === 0 ? [dequantize(g, value!, { scale: parts[i + 1]!, zero: parts[i + 2] })] : [],
    )
    const joined = g.concat(values, numberOf(call, 'axis'))
    const target = { scale: yScale!, zero: yZero }
    return [quantize(g, call, joined, target, quantizedType(call, 1, 4))]
  },
  samples: [
    {
      inputs: [scaleY, zero, bytes([2, 2]), scaleX, zero, bytes([2, 3]), parameter(0.017), zero],
      attributes: { axis: 1 },
    },
  ],
})

/** Inputs a, b, and the result's scale and zero point, each value with its own. */
function binary(
  op: string,
  compute: (g: Builder, a: Value, b: Value) => Value,
  scale: Sample['inputs'][number],
): OpRecord {
  return defineFunction({
    op: `com.microsoft.${op}`,
    attributes: {},
    straightThrough: true,
    body: (g, call) => {
      const [a, aScale, aZero, b, bScale, bZero, yScale, yZero] = call.inputs
      const y = compute(
        g,
        dequantize(g, a!, { scale: aScale!, zero: aZero }),
        dequantize(g, b!, { scale: bScale!, zero: bZero }),
      )
      const target = { scale: yScale!, zero: yZero }
      return [quantize(g, call, y, target, quantizedType(call, 7, 2, 0))]
    },
    samples: [
      {
        inputs: [bytes([2, 3]), scaleX, zero, bytes([3]), parameter(0.017), zero, scale, zero],
      },
    ],
  })
}

/** Inputs x, scale, zero point, and the result's scale and zero point. */
function requantized(g: Builder, call: Call, compute: (x: Value) => Value): readonly Value[] {
  const [x, xScale, xZero, yScale, yZero] = call.inputs
  const y = compute(dequantize(g, x!, { scale: xScale!, zero: xZero }))
  const target = { scale: yScale!, zero: yZero }
  return [quantize(g, call, y, target, quantizedType(call, 4, 2, 0))]
}

/** @param given the attributes of the sample */
function unary(
  op: string,
  attributes: Readonly<Record<string, AttributeSpec>>,
  compute: (g: Builder, x: Value, call: Call) => Value,
  given: Attributes,
): OpRecord {
  return defineFunction({
    op: `com.microsoft.${op}`,
    attributes,
    straightThrough: true,
    body: (g, call) => requantized(g, call, (x) => compute(g, x, call)),
    samples: [
      {
        inputs: [bytes([2, 6]), scaleX, zero, scaleY, zero],
        attributes: given,
      },
    ],
  })
}

/** A pool of images `[n, c, …]`, or `[n, …, c]` with `channels_last`. */
function pool(
  op: string,
  attributes: Readonly<Record<string, AttributeSpec>>,
  given: Attributes,
  compute: (g: Builder, x: Value, attributes: Attributes) => Value,
): OpRecord {
  const rest = [scaleX, zero, scaleY, zero]
  return defineFunction({
    op: `com.microsoft.${op}`,
    attributes: { ...attributes, channels_last: int(0) },
    straightThrough: true,
    body: (g, call) =>
      requantized(g, call, (x) =>
        numberOf(call, 'channels_last') === 1
          ? channelsLast(g, compute(g, channelsFirst(g, x), call.attributes))
          : compute(g, x, call.attributes),
      ),
    samples: [
      { inputs: [bytes([1, 2, 3, 3]), ...rest], attributes: { ...given, channels_last: 0 } },
      { inputs: [bytes([1, 3, 3, 2]), ...rest], attributes: { ...given, channels_last: 1 } },
    ],
  })
}
