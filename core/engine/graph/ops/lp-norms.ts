/** Lp norms: of vectors, of windows, and of whole channels. */
import { defineFunction, int, ints, text } from '../operator.ts'
import { axisOf, inputOf, numberOf, numbersOf, shapeError } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'
import { resolveWindow, windowSums } from './sliding-window.ts'

/** x / ‖x‖ₚ along an axis, p = 1 or 2; 0 at 0. */
export const LpNormalization = defineFunction({
  op: 'LpNormalization',
  attributes: { axis: int(-1), p: int(2) },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const axis = axisOf(call, numberOf(call, 'axis'), x.shape.length)
    return [g.div(x, g.max(norm(g, x, [axis], numberOf(call, 'p')), 1e-30))]
  },
  samples: [{ inputs: [[3, 4]] }, { inputs: [[2, 3, 2]], attributes: { axis: 1, p: 1 } }],
})

/** ‖x‖ₚ of each channel. */
export const GlobalLpPool = defineFunction({
  op: 'GlobalLpPool',
  attributes: { p: int(2) },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const axes = x.shape.flatMap((_, axis) => (axis > 1 ? [axis] : []))
    return [norm(g, x, axes, numberOf(call, 'p'))]
  },
  samples: [
    { inputs: [[2, 3, 4, 5]] },
    { inputs: [[2, 3, 4]], attributes: { p: 1 } },
    { inputs: [[2, 2, 2, 3]], attributes: { p: 3 } },
  ],
})

/** ‖x‖ₚ of each window; padding counts as 0. */
export const LpPool = defineFunction({
  op: 'LpPool',
  attributes: {
    auto_pad: text('NOTSET'),
    ceil_mode: int(0),
    dilations: ints(),
    kernel_shape: ints(),
    p: int(2),
    pads: ints(),
    strides: ints(),
  },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const kernel = numbersOf(call, 'kernel_shape')
    if (!kernel) throw shapeError(call, 'attribute "kernel_shape" is missing')
    const p = numberOf(call, 'p')
    const window = resolveWindow(call, x.shape, kernel)
    return [root(g, windowSums(g, power(g, x, p), window), p)]
  },
  samples: [
    { inputs: [[2, 3, 6, 6]], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    {
      inputs: [{ shape: [1, 2, 7, 7], low: 0.5, high: 1.5 }],
      attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], p: 3 },
    },
    { inputs: [[1, 2, 6]], attributes: { kernel_shape: [3], p: 1 } },
    { inputs: [[1, 1, 6, 7]], attributes: { kernel_shape: [2, 2], dilations: [2, 3] } },
    {
      inputs: [{ shape: [1, 2, 5, 5], low: 0.5, high: 1.5 }],
      attributes: { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 },
    },
  ],
})

function norm(g: Builder, x: Value, axes: readonly number[], p: number): Value {
  if (p === 1 || p === 2)
    return g.op(p === 1 ? 'ReduceL1' : 'ReduceL2', [x, g.integers(axes)], { keepdims: 1 })[0]!
  return root(g, g.reduceSum(power(g, x, p), axes, true), p)
}

/** |x|ᵖ. */
function power(g: Builder, x: Value, p: number): Value {
  if (p === 2) return g.mul(x, x)
  return p === 1 ? g.abs(x) : g.pow(g.abs(x), p)
}

/** The p-th root of a sum; its derivative at 0 is 0. */
function root(g: Builder, sum: Value, p: number): Value {
  if (p === 1) return sum
  const positive = g.max(sum, 1e-30)
  return p === 2 ? g.sqrt(positive) : g.pow(positive, 1 / p)
}
