/** Operators that repeat, rearrange, mask, or accumulate elements along axes. */
import { constantShape } from '../builder.ts'
import { divideDims, formatShape, multiplyDims, type Dim } from '../dim.ts'
import { defineOp, given, int, since, type SampleInput } from '../operator.ts'
import { axisOf, contentsOf, inputOf, numberOf, numbersIn, shapeError } from '../operator-call.ts'

const scalar = (value: number): SampleInput => ({
  shape: [],
  dtype: 'int64',
  values: [value],
  constant: true,
})

/** Repeats x along each axis. The adjoint sums the copies. */
export const Tile = defineOp({
  op: 'Tile',
  attributes: {},
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const repeats = contentsOf(call, 1, 'the repeats')
    if (repeats.length !== shape.length)
      throw shapeError(call, `expected ${shape.length} repeats, got ${repeats.length}`)
    return [{ dtype, shape: shape.map((dim, axis) => multiplyDims([dim, repeats[axis]!])) }]
  },
  vjp: (g, call, [dy]) => {
    const { shape } = inputOf(call, 0)
    const repeats = contentsOf(call, 1, 'the repeats')
    const parts: Dim[] = []
    const copies: number[] = []
    shape.forEach((dim, axis) => {
      if (repeats[axis] !== 1) copies.push(parts.push(repeats[axis]!) - 1)
      parts.push(dim)
    })
    const sizes = constantShape(parts)
    if (!sizes) throw shapeError(call, `needs at most one symbolic size, got ${formatShape(parts)}`)
    return [copies.length === 0 ? dy! : g.reduceSum(g.reshape(dy!, sizes), copies), null]
  },
  samples: [{ inputs: [[2, 3], given(2, 1)] }, { inputs: [[1, 2, 2], given(3, 2, 3)] }],
})

/** Moves spatial blocks into channels, in the order [block row, block column, c]. */
export const SpaceToDepth = defineOp({
  op: 'SpaceToDepth',
  attributes: { blocksize: { type: 'int' } },
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const block = numberOf(call, 'blocksize')
    const [n, c, ...spatial] = shape
    const [h, w] = spatial.map((size) => divideDims(size, block))
    if (h === undefined || w === undefined)
      throw shapeError(call, `the image of ${formatShape(shape)} is not a multiple of ${block}`)
    return [{ dtype, shape: [n!, multiplyDims([c!, block * block]), h, w] }]
  },
  // A permutation; the adjoint is its inverse.
  vjp: (g, call, [dy]) => {
    const blocksize = numberOf(call, 'blocksize')
    return [g.op('DepthToSpace', [dy!], { blocksize, mode: 'DCR' })[0]!]
  },
  samples: [{ inputs: [[2, 3, 4, 6]], attributes: { blocksize: 2 } }],
})

/** Keeps the upper or the lower triangle of the last two axes; other elements are 0. */
export const Trilu = defineOp({
  op: 'Trilu',
  attributes: { upper: int(1) },
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: inputOf(call, 0).shape }],
  vjp: (g, call, [dy]) => [
    g.op('Trilu', [dy!, ...call.inputs.slice(1)], call.attributes)[0]!,
    null,
  ],
  opsets: since(14),
  samples: [{ inputs: [[2, 3, 4]] }, { inputs: [[4, 3], scalar(-1)], attributes: { upper: 0 } }],
})

/** Cumulative sums along an axis. The adjoint sums in the other direction. */
export const CumSum = defineOp({
  op: 'CumSum',
  attributes: { exclusive: int(0), reverse: int(0) },
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const [axis] = numbersIn(call, 1, 'the axis')
    axisOf(call, axis ?? 0, shape.length)
    return [{ dtype, shape }]
  },
  vjp: (g, call, [dy]) => {
    const { exclusive, reverse } = call.attributes
    const turned = { exclusive: exclusive!, reverse: reverse === 1 ? 0 : 1 }
    return [g.op('CumSum', [dy!, inputOf(call, 1)], turned)[0]!, null]
  },
  opsets: since(11),
  samples: [
    { inputs: [[2, 4], scalar(1)] },
    { inputs: [[3, 2], scalar(-2)], attributes: { exclusive: 1, reverse: 1 } },
  ],
})
