/** Scatters elements and slices at computed indices, and gathers slices. */
import { formatShape } from '../dim.ts'
import {
  defineFunction,
  defineOp,
  int,
  since,
  text,
  type DerivativeRule,
  type SampleInput,
} from '../operator.ts'
import { inputOf, numberOf, shapeError, textOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Attributes, Value } from '../value.ts'
import { checkRanks } from './gather-elements.ts'

const indices = (shape: readonly number[], values: readonly number[]): SampleInput => ({
  shape,
  dtype: 'int64',
  values,
})
/** Values far apart, so that no small step changes the maximum. */
const apart = (shape: readonly number[], low: number, high: number): SampleInput => ({
  shape,
  low,
  high,
})

/**
 * For axis 1, y[i, at[i, j]] is u[i, j] for `none`, else the reduction of x and all u with that
 * index. For `none`, indices must be unique. Ties of `max` and `min` share the gradient equally.
 */
export const ScatterElements = defineOp({
  op: 'ScatterElements',
  attributes: { axis: int(0), reduction: text('none') },
  infer: (call) => {
    const x = inputOf(call, 0)
    checkRanks(call)
    return [{ dtype: x.dtype, shape: x.shape }]
  },
  vjp: scatterRule('ScatterElements', 'GatherElements', ['axis']),
  // Reductions exist since opset 16. Before opset 11 the operator had another name.
  opsets: since(11),
  samples: [
    {
      inputs: [[2, 4], indices([2, 3], [3, 0, 3, 1, 1, 2]), [2, 3]],
      attributes: { axis: 1, reduction: 'add' },
    },
    { inputs: [[5], indices([3], [1, 4, 1]), [3]], attributes: { reduction: 'add' } },
    { inputs: [[2, 4], indices([2, 2], [3, 0, 1, 2]), [2, 2]], attributes: { axis: 1 } },
    {
      inputs: [[2, 4], indices([2, 3], [3, 0, 3, 1, 1, 2]), [2, 3]],
      attributes: { axis: 1, reduction: 'mul' },
    },
    ...['max', 'min'].map((reduction) => ({
      inputs: [apart([5], -20, 20), indices([4], [1, 4, 1, 0]), apart([4], -17, 23)],
      attributes: { reduction },
    })),
  ],
})

/** The name of `ScatterElements` before opset 11, without reductions. */
export const Scatter = defineFunction({
  op: 'Scatter',
  attributes: { axis: int(0) },
  body: (g, call) => g.op('ScatterElements', call.inputs, call.attributes, call.name),
  opsets: [9, 10],
  samples: [{ inputs: [[2, 4], indices([2, 2], [3, 0, 1, 2]), [2, 2]], attributes: { axis: 1 } }],
})

/**
 * The last axis of the indices holds an index of the leading axes of x; there, the slice of y is
 * that of the updates for `none`, else the reduction of x and all updates with that index.
 */
export const ScatterND = defineOp({
  op: 'ScatterND',
  attributes: { reduction: text('none') },
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: inputOf(call, 0).shape }],
  vjp: scatterRule('ScatterND', 'GatherND', []),
  opsets: since(11),
  samples: [
    { inputs: [[4, 3], indices([2, 1], [3, 0]), [2, 3]] },
    { inputs: [[3, 4], indices([2, 2, 2], [0, 1, 2, 3, 1, 0, 0, 2]), [2, 2]] },
    { inputs: [[4], indices([3, 1], [2, 0, 2]), [3]], attributes: { reduction: 'add' } },
    { inputs: [[4], indices([3, 1], [2, 0, 2]), [3]], attributes: { reduction: 'mul' } },
    ...['max', 'min'].map((reduction) => ({
      inputs: [apart([5], -20, 20), indices([4, 1], [1, 4, 1, 0]), apart([4], -17, 23)],
      attributes: { reduction },
    })),
  ],
})

/**
 * The slices of x at the indices along the last axis of `indices`. The adjoint adds each slice back
 * to its origin. Batch axes are written as further indices.
 */
export const GatherND = defineOp({
  op: 'GatherND',
  attributes: { batch_dims: int(0) },
  infer: (call) => {
    const [x, at] = [inputOf(call, 0), inputOf(call, 1)]
    const depth = at.shape.at(-1)
    if (typeof depth !== 'number' || depth > x.shape.length) {
      throw shapeError(
        call,
        `indices ${formatShape(at.shape)} do not fit data ${formatShape(x.shape)}`,
      )
    }
    return [{ dtype: x.dtype, shape: [...at.shape.slice(0, -1), ...x.shape.slice(depth)] }]
  },
  body: (g, call) => {
    const [x, at] = [inputOf(call, 0), inputOf(call, 1)]
    const batchAxes = numberOf(call, 'batch_dims')
    if (batchAxes === 0) return undefined
    const first = g.slice(at, [0], [1], [at.shape.length - 1])
    const ones = g.expandLike(g.scalar(1, at.dtype), first)
    // Along each batch axis 0, 1, 2, …: a cumulative sum, because the batch may be symbolic.
    const positions = Array.from(
      { length: batchAxes },
      (_, axis) => g.op('CumSum', [ones, g.scalar(axis, 'int64')], { exclusive: 1 })[0]!,
    )
    return g.op('GatherND', [x, g.concat([...positions, at], at.shape.length - 1)])
  },
  vjp: (g, call, [dy]) => {
    const [x, at] = [inputOf(call, 0), inputOf(call, 1)]
    return [g.op('ScatterND', [g.zerosLike(x), at, dy!], { reduction: 'add' })[0]!, null]
  },
  opsets: since(11),
  samples: [
    { inputs: [[4, 3], indices([2, 2], [3, 0, 1, 2])] },
    { inputs: [[4, 3], indices([3, 1], [3, 0, 3])] },
    { inputs: [[2, 4, 3], indices([2, 1], [3, 0])], attributes: { batch_dims: 1 } },
    {
      inputs: [[2, 2, 4], indices([2, 2, 1], [3, 0, 1, 1])],
      attributes: { batch_dims: 2 },
    },
  ],
})

interface Scattered {
  readonly x: Value
  readonly updates: Value
  readonly y: Value
  readonly dy: Value
  /** The base with values reduced into it at the indices. */
  scatter(base: Value, values: Value, reduction: string): Value
  /** The values at the indices. */
  gather(from: Value): Value
}

function scatterRule(scatter: string, gather: string, shared: readonly string[]): DerivativeRule {
  return (g, call, [dy]) => {
    const [x, at, updates] = [inputOf(call, 0), inputOf(call, 1), inputOf(call, 2)]
    const kept: Attributes = Object.fromEntries(shared.map((key) => [key, call.attributes[key]!]))
    const scattered: Scattered = {
      x,
      updates,
      y: call.outputs[0]!,
      dy: dy!,
      scatter: (base, values, reduction) =>
        g.op(scatter, [base, at, values], { ...kept, reduction })[0]!,
      gather: (from) => g.op(gather, [from, at], kept)[0]!,
    }
    const [dx, du] = reductionGradients(g, call, scattered)
    return [dx, null, du]
  }
}

function reductionGradients(
  g: Builder,
  call: Call,
  scattered: Scattered,
): readonly [x: Value, updates: Value] {
  const { dy, updates, scatter, gather } = scattered
  const reduction = textOf(call, 'reduction')
  switch (reduction) {
    case 'none':
      return [scatter(dy, g.zerosLike(updates), 'none'), gather(dy)]
    case 'add':
      return [dy, gather(dy)]
    case 'mul':
      return productGradients(g, scattered)
    case 'max':
    case 'min':
      return extremumGradients(g, scattered)
    default:
      throw shapeError(call, `unknown reduction "${reduction}" (none, add, mul, max, min)`)
  }
}

/**
 * The derivative by a factor is the product of the others. Zeros are counted, not divided by: the
 * product of the others is 0 if one of them is.
 */
function productGradients(
  g: Builder,
  { x, updates, dy, scatter, gather }: Scattered,
): readonly [Value, Value] {
  const isZero = g.equal(updates, 0)
  const nonzero = g.where(isZero, 1, updates)
  const one = g.expandLike(g.scalar(1, x.dtype), x)
  const product = scatter(one, nonzero, 'mul')
  const zero = g.cast(isZero, x.dtype)
  const zeros = scatter(g.zerosLike(x), zero, 'add')
  const dx = g.mul(dy, g.where(g.greater(zeros, 0), 0, product))
  const others = g.div(gather(g.mul(g.mul(dy, x), product)), nonzero)
  return [dx, g.where(g.equal(gather(zeros), zero), others, 0)]
}

/** The gradient is divided equally among the elements that equal the result. */
function extremumGradients(
  g: Builder,
  { x, updates, y, dy, scatter, gather }: Scattered,
): readonly [Value, Value] {
  const kept = g.cast(g.equal(x, y), x.dtype)
  const written = g.cast(g.equal(updates, gather(y)), x.dtype)
  const share = g.div(dy, scatter(kept, written, 'add'))
  return [g.mul(share, kept), g.mul(gather(share), written)]
}
