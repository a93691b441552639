/** Operators on the bits of integers, which have no gradient. */
import { broadcastAll } from './elementwise.ts'
import { defineOp, since, text, type OpRecord, type SampleInput } from '../operator.ts'
import { inputOf } from '../operator-call.ts'

const integers = (...values: readonly number[]): SampleInput => ({
  shape: [values.length],
  dtype: 'int32',
  values,
})
const shifts: SampleInput = { shape: [1], dtype: 'uint8', values: [2] }

export const BitwiseAnd = bitwise('BitwiseAnd')
export const BitwiseOr = bitwise('BitwiseOr')
export const BitwiseXor = bitwise('BitwiseXor')

export const BitwiseNot = defineOp({
  op: 'BitwiseNot',
  attributes: {},
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: inputOf(call, 0).shape }],
  vjp: 'zero',
  opsets: since(18),
  samples: [{ inputs: [integers(0, 5, -3)] }],
})

export const BitShift = defineOp({
  op: 'BitShift',
  attributes: { direction: text('LEFT') },
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: broadcastAll(call) }],
  vjp: 'zero',
  opsets: since(11),
  samples: ['LEFT', 'RIGHT'].map((direction) => ({
    inputs: [{ shape: [3], dtype: 'uint8' as const, values: [1, 6, 255] }, shifts],
    attributes: { direction },
  })),
})

function bitwise(op: string): OpRecord {
  return defineOp({
    op,
    attributes: {},
    infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: broadcastAll(call) }],
    vjp: 'zero',
    opsets: since(18),
    samples: [{ inputs: [integers(0, 5, -3), integers(6)] }],
  })
}
