/** Reductions over axes. Axes are an input that must be known before the run. */
import { isFloat } from './elementwise.ts'
import { defineOp, given, int, type OpRecord, type Sample } from '../operator.ts'
import { axisOf, inputOf, numberOf, numbersIn, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Dim } from '../dim.ts'
import { elementsOf } from '../builder.ts'
import type { Value } from '../value.ts'

const sample = (axes: readonly number[], keepdims: number): Sample => ({
  inputs: [[2, 3, 4], { shape: [axes.length], dtype: 'int64', values: axes, constant: true }],
  attributes: { keepdims },
})

/** d Σx = Σdx. */
export const ReduceSum = reduction('ReduceSum', 13, (_g, { spread }) => spread)
export const ReduceMean = reduction('ReduceMean', 18, (g, { x, spread, axes }) =>
  g.mul(spread, inverseCount(g, x, axes)),
)
/** d Σx² = 2x dx. */
export const ReduceSumSquare = reduction('ReduceSumSquare', 18, (g, { x, spread }) =>
  g.mul(g.mul(spread, x), 2),
)
/** d ‖x‖₂ = x/‖x‖₂ dx; 0 at 0. */
export const ReduceL2 = reduction('ReduceL2', 18, (g, { x, y, spread }) =>
  g.mul(spread, g.div(x, g.max(y, 1e-30))),
)
export const ReduceL1 = reduction('ReduceL1', 18, (g, { x, spread }) => g.mul(spread, g.sign(x)))
/** On ties, the gradient is divided equally. */
export const ReduceMax = reduction('ReduceMax', 18, shareAmongTies)
/** On ties, the gradient is divided equally. */
export const ReduceMin = reduction('ReduceMin', 18, shareAmongTies)

/**
 * The derivative by a factor is the product of the others, which is 0 if one of them is 0. Zeros
 * are counted, not divided by.
 */
export const ReduceProd = reduction('ReduceProd', 18, (g, { x, spread, axes }) => {
  const isZero = g.equal(x, 0)
  const nonzero = g.where(isZero, 1, x)
  const [product] = g.op('ReduceProd', [nonzero, g.integers(axes)], { keepdims: 1 })
  const zero = g.cast(isZero, x.dtype)
  const zeros = g.reduceSum(zero, axes, true)
  return g.where(g.equal(zeros, zero), g.mul(spread, g.div(product!, nonzero)), 0)
})
/** d ln Σx = Σdx / Σx. */
export const ReduceLogSum = defineOp({
  ...reduction('ReduceLogSum', 18, (g, { y, spread }) => g.div(spread, g.exp(y))),
  samples: [
    { inputs: [{ shape: [2, 3, 4], low: 0.5, high: 2 }, given(1)], attributes: { keepdims: 1 } },
    { inputs: [{ shape: [2, 3], low: 0.5, high: 2 }] },
  ],
})
/** d ln Σeˣ = Σ softmax(x) dx. */
export const ReduceLogSumExp = reduction('ReduceLogSumExp', 18, (g, { x, y, spread }) =>
  g.mul(spread, g.exp(g.sub(x, y))),
)

export const ArgMax = position('ArgMax')
export const ArgMin = position('ArgMin')

interface Reduced {
  readonly x: Value
  /** The result with reduced axes of size 1, for broadcasting against x. */
  readonly y: Value
  /** The gradient of the result, broadcast to the shape of x. */
  readonly spread: Value
  readonly axes: readonly number[]
}

function reduction(
  op: string,
  axesAsInputSince: number,
  rule: (g: Builder, reduced: Reduced) => Value,
): OpRecord {
  return defineOp({
    op,
    attributes: { keepdims: int(1), noop_with_empty_axes: int(0) },
    infer: (call) => {
      const { dtype, shape } = inputOf(call, 0)
      return [{ dtype, shape: reducedShape(shape, axesOf(call), numberOf(call, 'keepdims') === 1) }]
    },
    vjp: (g, call, [dy]) => {
      const x = inputOf(call, 0)
      if (!isFloat(x.dtype)) return [null, null]
      const axes = axesOf(call)
      if (axes.length === 0) return [dy!, null]
      const keep = numberOf(call, 'keepdims') === 1
      const restore = (value: Value): Value => (keep ? value : g.unsqueeze(value, axes))
      const spread = g.expandLike(restore(dy!), x)
      return [rule(g, { x, y: restore(call.outputs[0]!), spread, axes }), null]
    },
    upgrade: (g, call, opset) => {
      if (opset >= axesAsInputSince) return call
      const { axes, ...attributes } = call.attributes
      const inputs = Array.isArray(axes)
        ? [inputOf(call, 0), g.integers(axes as number[])]
        : [inputOf(call, 0)]
      return { inputs, attributes }
    },
    samples: [sample([1], 1), sample([0, 2], 0), { inputs: [[2, 3]] }],
  })
}

function position(op: 'ArgMax' | 'ArgMin'): OpRecord {
  return defineOp({
    op,
    attributes: { axis: int(0), keepdims: int(1), select_last_index: int(0) },
    infer: (call) => {
      const { shape } = inputOf(call, 0)
      const axis = axisOf(call, numberOf(call, 'axis'), shape.length)
      return [
        { dtype: 'int64', shape: reducedShape(shape, [axis], numberOf(call, 'keepdims') === 1) },
      ]
    },
    vjp: 'zero',
    samples: [{ inputs: [[2, 3]], attributes: { axis: 1, keepdims: 0 } }],
  })
}

function axesOf(call: Call): readonly number[] {
  const rank = inputOf(call, 0).shape.length
  const given = call.inputs[1] ? numbersIn(call, 1, 'axes') : []
  if (given.length > 0)
    return given.map((axis) => axisOf(call, axis, rank)).toSorted((a, b) => a - b)
  return numberOf(call, 'noop_with_empty_axes') === 1
    ? []
    : Array.from({ length: rank }, (_, i) => i)
}

function reducedShape(shape: readonly Dim[], axes: readonly number[], keep: boolean): Dim[] {
  return keep
    ? shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    : shape.filter((_, axis) => !axes.includes(axis))
}

function shareAmongTies(g: Builder, { x, y, spread, axes }: Reduced): Value {
  const ties = g.cast(g.equal(x, y), x.dtype)
  return g.mul(spread, g.div(ties, g.reduceSum(ties, axes, true)))
}

/** 1 / number of reduced elements; computed at run time if it includes the batch. */
function inverseCount(g: Builder, x: Value, axes: readonly number[]): Value {
  const count = elementsOf(axes.map((axis) => x.shape[axis]!))
  if (typeof count === 'number') return g.scalar(1 / count, x.dtype)
  const sizes = g.gather(g.shape(x), g.integers(axes))
  const product = g.op('ReduceProd', [g.cast(sizes, x.dtype), g.integers([0])], { keepdims: 0 })[0]!
  return g.div(1, product)
}
