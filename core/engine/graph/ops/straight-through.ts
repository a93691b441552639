/** Operators of expressions only, not of ONNX: for gradients that ignore rounding or scales. */
import { defineOp } from '../operator.ts'
import { inputOf } from '../operator-call.ts'

/**
 * Rounding to the nearest integer, half to even, whose derivative is that of the identity.
 * @see Bengio, Léonard, Courville 2013, arXiv:1308.3432
 */
export const StraightThroughRound = defineOp({
  op: 'StraightThroughRound',
  attributes: {},
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: inputOf(call, 0).shape }],
  vjp: (_g, _call, [dy]) => [dy!],
  straightThrough: true,
  lower: (g, call) => g.op('Round', [inputOf(call, 0)]),
  samples: [{ inputs: [{ shape: [5], values: [-1.5, 0.5, 0.7, 1.5, 2] }] }],
})

/** The identity, without a gradient. */
export const StopGradient = defineOp({
  op: 'StopGradient',
  attributes: {},
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: inputOf(call, 0).shape }],
  vjp: 'zero',
  lower: (_g, call) => [inputOf(call, 0)],
  samples: [{ inputs: [[2, 3]] }],
})
