/** Gathers single elements at computed indices. */
import { formatShape } from '../dim.ts'
import { defineOp, int, since } from '../operator.ts'
import { axisOf, inputOf, numberOf, shapeError } from '../operator-call.ts'
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

/** Checks the axis, and that data and indices have the same rank. */
export function checkRanks(call: Call): void {
  const [x, indices] = [inputOf(call, 0), inputOf(call, 1)]
  axisOf(call, numberOf(call, 'axis'), x.shape.length)
  if (x.shape.length === indices.shape.length) return
  throw shapeError(
    call,
    'data and indices must have the same rank, ' +
      `got ${formatShape(x.shape)} and ${formatShape(indices.shape)}`,
  )
}
