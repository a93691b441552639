/** Operators that quantize and dequantize tensors. @see `quantized-values.ts` */
import type { DType } from '../../tensor/tensor.ts'
import { defineFunction, int, since, type OpRecord } from '../operator.ts'
import { axisOf, inputOf, numberOf, shapeError, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'
import {
  bytes,
  dequantize,
  parameter,
  quantize,
  quantizedType,
  toRange,
} from './quantized-values.ts'

export const QuantizeLinear = quantizing('QuantizeLinear')
export const ContribQuantizeLinear = quantizing('com.microsoft.QuantizeLinear')
export const DequantizeLinear = dequantizing('DequantizeLinear')
export const ContribDequantizeLinear = dequantizing('com.microsoft.DequantizeLinear')

/**
 * Quantizes to uint8 with the range of x and 0. The range is that of all of x: a file that contains
 * it mixes the examples of a batch. In expressions with a symbolic batch it is that of each example,
 * as when the file runs one example at a time. Outputs q, scale, and zero point.
 */
export const DynamicQuantizeLinear = defineFunction({
  op: 'DynamicQuantizeLinear',
  attributes: {},
  straightThrough: true,
  body: (g, call) => {
    const x = inputOf(call, 0)
    const { scale, zero } = dynamicRange(g, x)
    return [toRange(g, call, g.div(x, scale), zero, 'uint8'), scale, zero]
  },
  opsets: since(11),
  samples: [
    { inputs: [{ shape: [2, 5], low: -1.3, high: 2 }] },
    { inputs: [{ shape: [2, 5], low: 0.4, high: 2 }] },
  ],
})

/** Scale and zero point of uint8 for the range of x and 0, without gradients. */
export function dynamicRange(g: Builder, x: Value): { scale: Value; zero: Value } {
  const isBatched = typeof x.shape[0] === 'string'
  const axes = x.shape.flatMap((_, axis) => (isBatched && axis === 0 ? [] : [axis]))
  const fixed = g.op('StopGradient', [x])[0]!
  const reduce = (op: string): Value =>
    g.op(op, [fixed, g.integers(axes)], { keepdims: isBatched ? 1 : 0 })[0]!
  const low = g.min(reduce('ReduceMin'), 0)
  const high = g.max(reduce('ReduceMax'), 0)
  const range = g.div(g.sub(high, low), 255)
  const scale = g.where(g.equal(range, 0), 1, range)
  const zero = g.clip(g.op('Round', [g.div(g.neg(low), scale)])[0]!, 0, 255)
  return { scale, zero }
}

function quantizing(op: string): OpRecord {
  return defineFunction({
    op,
    attributes: {
      axis: int(1),
      block_size: int(0),
      output_dtype: { type: 'dtype', optional: true },
      precision: int(0),
      saturate: int(1),
    },
    straightThrough: true,
    except: 'not with scales per block (`block_size`)',
    body: (g, call) => {
      refuseBlocks(call)
      const x = inputOf(call, 0)
      const [, scale, zero] = call.inputs
      const stated = call.attributes['output_dtype']
      const dtype = typeof stated === 'string' ? (stated as DType) : quantizedType(call, 2)
      return [quantize(g, call, x, { scale: scale!, zero }, dtype, vectorAxis(call, scale!))]
    },
    opsets: since(10),
    samples: [
      { inputs: [[3, 4], parameter(0.013), parameter(100, 'uint8')] },
      {
        inputs: [[2, 3, 2], parameter([0.01, 0.02, 0.004]), parameter([0, 3, -5], 'int8')],
      },
    ],
  })
}

function dequantizing(op: string): OpRecord {
  return defineFunction({
    op,
    attributes: {
      axis: int(1),
      block_size: int(0),
      output_dtype: { type: 'dtype', optional: true },
    },
    straightThrough: true,
    except: 'not with scales per block (`block_size`)',
    body: (g, call) => {
      refuseBlocks(call)
      const [q, scale, zero] = call.inputs
      return [dequantize(g, q!, { scale: scale!, zero }, vectorAxis(call, scale!))]
    },
    opsets: since(10),
    samples: [
      { inputs: [bytes([3, 4]), parameter(0.013), parameter(100, 'uint8')] },
      {
        inputs: [
          bytes([2, 3, 2], 'int8'),
          parameter([0.01, 0.02, 0.004]),
          parameter([0, 3, -5], 'int8'),
        ],
      },
    ],
  })
}

/** The axis of vectors of scales; undefined for one scale. */
function vectorAxis(call: Call, scale: Value): number | undefined {
  if (scale.shape.length !== 1 || scale.shape[0] === 1) return undefined
  return axisOf(call, numberOf(call, 'axis'), inputOf(call, 0).shape.length)
}

function refuseBlocks(call: Call): void {
  if (numberOf(call, 'block_size') !== 0)
    throw shapeError(call, 'scales per block (block_size) are not supported')
}
