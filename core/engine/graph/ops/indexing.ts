/** Operators that gather by index, rearrange blocks, or compute shapes. */
import { float32 } from '../../tensor/tensor.ts'
import { constantShape, elementsOf } from '../builder.ts'
import { divideDims, formatShape, multiplyDims, type Dim } from '../dim.ts'
import { defineOp, given, int, text } from '../operator.ts'
import type { Value } from '../value.ts'
import { axisOf, contentsOf, inputOf, numberOf, shapeError, textOf } from '../operator-call.ts'

export const Gather = defineOp({
  op: 'Gather',
  attributes: { axis: int(0) },
  infer: (call) => {
    const [x, indices] = [inputOf(call, 0), inputOf(call, 1)]
    const axis = axisOf(call, numberOf(call, 'axis'), x.shape.length)
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]
    const contents = indices.contents?.map((at) =>
      typeof at === 'number' && x.shape.length === 1 ? x.contents?.at(at) : undefined,
    )
    const known = contents?.filter((item) => item !== undefined)
    return [
      {
        dtype: x.dtype,
        shape,
        ...(known && known.length === contents!.length && { contents: known }),
      },
    ]
  },
  // The adjoint adds each row back to its origin: padding for a range of rows, else a product with a
  // one-hot matrix.
  vjp: (g, call, [dy]) => {
    const [x, indices] = [inputOf(call, 0), inputOf(call, 1)]
    const axis = axisOf(call, numberOf(call, 'axis'), x.shape.length)
    const size = x.shape[axis]!
    const range = rangeOf(indices, size)
    if (range) {
      const rows = indices.shape.length === 0 ? g.unsqueeze(dy!, [axis]) : dy!
      const pads = [range.before, range.after].flatMap((pad) =>
        x.shape.map((_, i) => (i === axis ? pad : 0)),
      )
      return [g.pad(rows, pads), null]
    }
    const count = elementsOf(indices.shape)
    if (typeof size !== 'number' || typeof count !== 'number') {
      throw shapeError(call, 'needs a gathered axis and a number of indices known before the run')
    }
    const flat = g.cast(g.reshape(indices, [count, 1]), 'int64')
    const wrapped = g.where(g.less(flat, 0), g.add(flat, size), flat)
    const positions = g.integers(Array.from({ length: size }, (_, i) => i))
    const oneHot = g.cast(g.equal(wrapped, positions), x.dtype)
    // Move the axes of the indices to the front, multiply, and move the axis back.
    const rank = dy!.shape.length
    const moved = indices.shape.map((_, i) => axis + i)
    const others = Array.from({ length: rank }, (_, i) => i).filter((i) => !moved.includes(i))
    const front = g.reshape(g.transpose(dy!, [...moved, ...others]), [count, -1])
    const rest = [...x.shape.slice(0, axis), ...x.shape.slice(axis + 1)]
    const product = g.matMul(g.transpose(oneHot, [1, 0]), front)
    const shape = constantShape([size, ...rest])
    if (!shape)
      throw shapeError(call, `needs at most one symbolic size, got ${formatShape(x.shape)}`)
    const back = Array.from({ length: x.shape.length }, (_, i) =>
      i < axis ? i + 1 : i === axis ? 0 : i,
    )
    return [g.transpose(g.reshape(product, shape), back), null]
  },
  samples: [
    { inputs: [[4, 3], given(2, 0, 2)] },
    { inputs: [[2, 5, 3], { shape: [], dtype: 'int64', values: [-1] }], attributes: { axis: 1 } },
    {
      inputs: [[2, 5], { shape: [2, 2], dtype: 'int64', values: [1, 4, 0, 1] }],
      attributes: { axis: 1 },
    },
  ],
})

/** The number of rows before and after a range that constant indices list in order. */
function rangeOf(
  { shape, contents }: Value,
  size: Dim,
): { readonly before: number; readonly after: number } | undefined {
  if (shape.length > 1 || !contents || contents.length === 0 || typeof size !== 'number')
    return undefined
  const indices = contents.map((at) => (typeof at === 'number' && at < 0 ? at + size : at))
  const [before] = indices
  if (typeof before !== 'number' || indices.some((at, i) => at !== before + i)) return undefined
  return { before, after: size - before - indices.length }
}

export const Shape = defineOp({
  op: 'Shape',
  attributes: { start: int(0), end: int() },
  infer: (call) => {
    const { shape } = inputOf(call, 0)
    const end = call.attributes['end']
    const part = shape.slice(numberOf(call, 'start'), typeof end === 'number' ? end : undefined)
    return [{ dtype: 'int64', shape: [part.length], contents: part }]
  },
  vjp: 'zero',
  samples: [{ inputs: [[2, 3]] }],
})

export const ConstantOfShape = defineOp({
  op: 'ConstantOfShape',
  attributes: { value: { type: 'tensor', optional: true } },
  infer: (call) => {
    const value = call.attributes['value']
    const { dtype, data } =
      typeof value === 'object' && 'dtype' in value ? value : float32([1], [0])
    const shape = contentsOf(call, 0, 'the shape')
    const [length] = shape
    // A vector of sizes, as exporters write for expand.
    const isSizes =
      dtype === 'int64' && shape.length === 1 && typeof length === 'number' && length <= 64
    return [
      { dtype, shape, ...(isSizes && { contents: Array.from({ length }, () => Number(data[0])) }) },
    ]
  },
  vjp: 'zero',
  samples: [{ inputs: [given(2, 3)] }],
})

/** Moves channels into spatial blocks. `CRD` orders channels as [c, block row, block column]. */
export const DepthToSpace = defineOp({
  op: 'DepthToSpace',
  attributes: { blocksize: { type: 'int' }, mode: text('DCR') },
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const block = numberOf(call, 'blocksize')
    const [n, c, h, w] = shape
    const channels = divideDims(c!, block * block)
    if (channels === undefined)
      throw shapeError(
        call,
        `the channels of ${formatShape(shape)} are not a multiple of ${block * block}`,
      )
    return [{ dtype, shape: [n!, channels, multiplyDims([h!, block]), multiplyDims([w!, block])] }]
  },
  // A permutation; the adjoint is its inverse.
  vjp: (g, call, [dy]) => {
    const block = numberOf(call, 'blocksize')
    const [, c, h, w] = call.inputs[0]!.shape as [Dim, number, number, number]
    const blocks = g.reshape(dy!, [-1, c / block ** 2, h, block, w, block])
    const perm = textOf(call, 'mode') === 'CRD' ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]
    return [g.reshape(g.transpose(blocks, perm), [-1, c, h, w])]
  },
  samples: [
    { inputs: [[2, 8, 2, 3]], attributes: { blocksize: 2 } },
    { inputs: [[2, 8, 2, 3]], attributes: { blocksize: 2, mode: 'CRD' } },
  ],
})
