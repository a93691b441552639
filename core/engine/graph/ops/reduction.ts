/** Reductions over axes. Axes are an input that must be known before the run. */
import { isFloat } from './elementwise.ts'
import { defineOp, given, int, type OpRecord, type Sample } from '../operator.ts'
import { axisOf, inputOf, numberOf, numbersIn, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Dim } from '../dim.ts'
import { constantShape, elementsOf } from '../builder.ts'
import type { Value } from '../value.ts'

const sample = (axes: readonly number[], keepdims: number): Sample => ({
  inputs: [[2, 3, 4], { shape: [axes.length], dtype: 'int64', values: axes, constant: true }],
  attributes: { keepdims },
})

/** d Σx = Σdx. */
export const ReduceSum = defineOp({
  ...reduction('ReduceSum', 13, (_g, { spread }) => spread),
  lower: (g, call) => sumOfRows(g, call, () => 1),
})
export const ReduceMean = defineOp({
  ...reduction('ReduceMean', 18, (g, { x, spread, axes }) =>
    g.mul(spread, inverseCount(g, x, axes)),
  ),
  lower: (g, call) => sumOfRows(g, call, (count) => 1 / count),
})
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

/**
 * A sum over the last axes as a product with a column of weights. onnxruntime's own sum of rows
 * whose size is not a multiple of 4 rounds differently at different places of the batch.
 * @returns undefined for other axes and sizes, and without a symbolic batch
 */
function sumOfRows(
  g: Builder,
  call: Call,
  weightOf: (count: number) => number,
): readonly Value[] | undefined {
  const x = inputOf(call, 0)
  const axes = axesOf(call)
  const [first] = axes
  const { length: rank } = x.shape
  const isTrailing = first !== undefined && first > 0 && axes.length === rank - first
  if (!isTrailing || x.dtype !== 'float32' || typeof x.shape[0] !== 'string') return undefined
  const count = elementsOf(x.shape.slice(first))
  if (typeof count !== 'number' || count < 4 || count % 4 === 0) return undefined
  const rows = constantShape([...x.shape.slice(0, first), count])
  if (!rows) return undefined
  const weights = Array.from({ length: count }, () => weightOf(count))
  const sums = g.matMul(g.reshape(x, rows), g.floats([count, 1], weights))
  if (numberOf(call, 'keepdims') === 0) return [g.squeeze(sums, [first])]
  return [axes.length === 1 ? sums : g.unsqueeze(sums, axes.slice(1))]
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
