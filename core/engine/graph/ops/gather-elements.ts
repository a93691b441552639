/** Gathers and scatters single elements at computed indices. */
import { formatShape } from '../dim.ts'
import { defineOp, int, since, text } from '../operator.ts'
import { axisOf, inputOf, numberOf, shapeError, textOf } from '../operator-call.ts'
import type { Call } from '../operator-call.ts'

/**
 * y[i, j, k] = x[i, at[i, j, k], k] for axis 1. The adjoint adds each element back to its origin.
 */
export const GatherElements = defineOp({
  op: 'GatherElements',
  attributes: { axis: int(0) },
  infer: (call) => {
    const [x, indices] = [inputOf(call, 0), inputOf(call, 1)]
    checkRanks(call)
    return [{ dtype: x.dtype, shape: indices.shape }]
  },
  vjp: (g, call, [dy]) => {
    const [x, indices] = [inputOf(call, 0), inputOf(call, 1)]
    const added = { axis: numberOf(call, 'axis'), reduction: 'add' }
    return [g.op('ScatterElements', [g.zerosLike(x), indices, dy!], added)[0]!, null]
  },
  // Introduced in opset 11.
  opsets: since(11),
  samples: [
    {
      inputs: [[2, 4], { shape: [2, 3], dtype: 'int64', values: [3, 0, 3, 1, 1, 2] }],
      attributes: { axis: 1 },
    },
    { inputs: [[3, 2, 2], { shape: [1, 2, 2], dtype: 'int64', values: [2, 0, 1, 2] }] },
  ],
})

/**
 * For axis 1, `add` returns x with y[i, at[i, j]] += u[i, j]. `none` assigns instead; indices must
 * then be unique.
 */
export const ScatterElements = defineOp({
  op: 'ScatterElements',
  attributes: { axis: int(0), reduction: text('none') },
  infer: (call) => {
    const x = inputOf(call, 0)
    checkRanks(call)
    return [{ dtype: x.dtype, shape: x.shape }]
  },
  vjp: (g, call, [dy]) => {
    const [indices, updates] = [inputOf(call, 1), inputOf(call, 2)]
    const reduction = textOf(call, 'reduction')
    const axis = numberOf(call, 'axis')
    if (reduction !== 'add' && reduction !== 'none') {
      throw shapeError(call, `reduction "${reduction}" has no derivative rule`)
    }
    const written = (): typeof updates =>
      g.op('ScatterElements', [dy!, indices, g.zerosLike(updates)], { axis })[0]!
    const taken = g.op('GatherElements', [dy!, indices], { axis })[0]!
    return [reduction === 'add' ? dy! : written(), null, taken]
  },
  // Reductions exist since opset 16. Before opset 11 the operator had another name.
  opsets: since(11),
  samples: [
    {
      inputs: [[2, 4], { shape: [2, 3], dtype: 'int64', values: [3, 0, 3, 1, 1, 2] }, [2, 3]],
      attributes: { axis: 1, reduction: 'add' },
    },
    {
      inputs: [[5], { shape: [3], dtype: 'int64', values: [1, 4, 1] }, [3]],
      attributes: { reduction: 'add' },
    },
    {
      inputs: [[2, 4], { shape: [2, 2], dtype: 'int64', values: [3, 0, 1, 2] }, [2, 2]],
      attributes: { axis: 1 },
    },
  ],
})

function checkRanks(call: Call): void {
  const [x, indices] = [inputOf(call, 0), inputOf(call, 1)]
  axisOf(call, numberOf(call, 'axis'), x.shape.length)
  if (x.shape.length === indices.shape.length) return
  throw shapeError(
    call,
    'data and indices must have the same rank, ' +
      `got ${formatShape(x.shape)} and ${formatShape(indices.shape)}`,
  )
}
