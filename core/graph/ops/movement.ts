/** Operators that move elements: reshape, transpose, join, cut, pad. */
import { constantShape, elementsOf } from '../builder.ts'
import { broadcastShapes, divideDims, formatShape, multiplyDims, type Dim } from '../dim.ts'
import { float32 } from '../../tensor/tensor.ts'
import { axisOf, contentsOf, defineOp, inputOf, int, ints, numberOf, numbersIn, numbersOf, shapeError, text, textOf, type Call, type SampleInput, type Upgraded } from '../operator.ts'
import type { Builder } from '../builder.ts'
import { adjointSlice, rangesOf } from './slicing.ts'

const given = (...values: readonly number[]): SampleInput => ({ shape: [values.length], dtype: 'int64', values, constant: true })

export const Reshape = defineOp({
  op: 'Reshape',
  attributes: { allowzero: int(0) },
  infer: (call) => {
    const x = inputOf(call, 0)
    const shape = reshapedShape(call, x.shape, contentsOf(call, 1, 'the target shape'))
    return [{ dtype: x.dtype, shape, ...(x.contents && { contents: x.contents }) }]
  },
  vjp: (g, { inputs: [x] }, [dy]) => [g.reshapeLike(dy!, x!), null],
  // Before opset 5 the shape was an attribute.
  upgrade: (g, call, opset) => {
    if (opset >= 5) return call
    const shape = numbersOf(call, 'shape') ?? []
    return { inputs: [inputOf(call, 0), g.integers(shape)], attributes: {} }
  },
  samples: [{ inputs: [[2, 6], given(3, -1)] }, { inputs: [[2, 3, 4], given(0, 12)] }],
})

export const Flatten = defineOp({
  op: 'Flatten',
  attributes: { axis: int(1) },
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const given = numberOf(call, 'axis')
    const axis = given < 0 ? given + shape.length : given
    return [{ dtype, shape: [multiplyDims(shape.slice(0, axis)), multiplyDims(shape.slice(axis))] }]
  },
  vjp: (g, { inputs: [x] }, [dy]) => [g.reshapeLike(dy!, x!)],
  samples: [{ inputs: [[2, 3, 4]] }, { inputs: [[2, 3, 4]], attributes: { axis: 2 } }],
})

export const Transpose = defineOp({
  op: 'Transpose',
  attributes: { perm: ints() },
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    return [{ dtype, shape: permOf(call).map((axis) => shape[axis]!) }]
  },
  vjp: (g, call, [dy]) => {
    const inverse: number[] = []
    permOf(call).forEach((from, to) => (inverse[from] = to))
    return [g.transpose(dy!, inverse)]
  },
  samples: [{ inputs: [[2, 3, 4]], attributes: { perm: [2, 0, 1] } }, { inputs: [[2, 3]] }],
})

export const Squeeze = defineOp({
  op: 'Squeeze',
  attributes: {},
  infer: (call) => {
    const x = inputOf(call, 0)
    const rank = x.shape.length
    const axes = call.inputs[1]
      ? numbersIn(call, 1, 'axes').map((axis) => axisOf(call, axis, rank))
      : x.shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []))
    for (const axis of axes) {
      if (typeof x.shape[axis] === 'number' && x.shape[axis] !== 1) {
        throw shapeError(call, `axis ${axis} of ${formatShape(x.shape)} is not 1`)
      }
    }
    return [{ dtype: x.dtype, shape: x.shape.filter((_, axis) => !axes.includes(axis)), ...(x.contents && { contents: x.contents }) }]
  },
  vjp: (g, { inputs: [x] }, [dy]) => [g.reshapeLike(dy!, x!), null],
  // Without axes onnxruntime would drop a symbolic batch, too, whenever it is 1.
  lower: (g, call) => {
    if (call.inputs[1]) return undefined
    const x = inputOf(call, 0)
    const axes = x.shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []))
    return [axes.length === 0 ? x : g.squeeze(x, axes)]
  },
  upgrade: upgradeAxes,
  samples: [{ inputs: [[2, 1, 3, 1], given(1, -1)] }, { inputs: [[1, 3]] }],
})

export const Unsqueeze = defineOp({
  op: 'Unsqueeze',
  attributes: {},
  infer: (call) => {
    const x = inputOf(call, 0)
    const axes = numbersIn(call, 1, 'axes')
    const rank = x.shape.length + axes.length
    const at = new Set(axes.map((axis) => axisOf(call, axis, rank)))
    let next = 0
    const shape = Array.from({ length: rank }, (_, axis) => (at.has(axis) ? 1 : x.shape[next++]!))
    return [{ dtype: x.dtype, shape, ...(x.contents && { contents: x.contents }) }]
  },
  vjp: (g, { inputs: [x] }, [dy]) => [g.reshapeLike(dy!, x!), null],
  upgrade: upgradeAxes,
  samples: [{ inputs: [[2, 3], given(0, -1)] }],
})

export const Concat = defineOp({
  op: 'Concat',
  attributes: { axis: { type: 'int' } },
  infer: (call) => {
    const first = inputOf(call, 0)
    const axis = axisOf(call, numberOf(call, 'axis'), first.shape.length)
    checkParts(call, axis)
    const sizes = call.inputs.map((input) => input!.shape[axis]!)
    const numbers = sizes.filter((size) => typeof size === 'number')
    if (numbers.length < sizes.length) throw shapeError(call, `axis ${axis} must have sizes known before the run`)
    const total = numbers.reduce((sum, size) => sum + size, 0)
    const contents = call.inputs.flatMap((input) => (input!.contents ? [...input!.contents] : [null]))
    return [
      {
        dtype: first.dtype,
        shape: first.shape.map((dim, i) => (i === axis ? total : dim)),
        ...(contents.every((item) => item !== null) && { contents: contents.filter((item) => item !== null) }),
      },
    ]
  },
  vjp: (g, call, [dy]) => {
    const axis = axisOf(call, numberOf(call, 'axis'), dy!.shape.length)
    let start = 0
    return call.inputs.map((input, i) => {
      const from = start
      start += input!.shape[axis] as number
      return call.wanted[i] ? g.slice(dy!, [from], [start], [axis]) : null
    })
  },
  samples: [{ inputs: [[2, 3], [2, 1], [2, 2]], attributes: { axis: 1 } }],
})

export const Split = defineOp({
  op: 'Split',
  attributes: { axis: int(0), num_outputs: int() },
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const axis = axisOf(call, numberOf(call, 'axis'), shape.length)
    return splitSizes(call).map((size) => ({ dtype, shape: shape.map((dim, i) => (i === axis ? size : dim)) }))
  },
  vjp: (g, call, dys) => {
    const axis = axisOf(call, numberOf(call, 'axis'), call.inputs[0]!.shape.length)
    return [g.concat(dys.map((dy, i) => dy ?? g.zerosLike(call.outputs[i]!)), axis), null]
  },
  // Before opset 13 the sizes were an attribute; before 18 the number of outputs followed from the node.
  upgrade: (g, call) => {
    const { split, ...attributes } = call.attributes
    if (Array.isArray(split)) return { inputs: [inputOf(call, 0), g.integers(split as number[])], attributes: { axis: attributes['axis'] ?? 0 } }
    return call.inputs[1] ? { inputs: call.inputs, attributes: { axis: attributes['axis'] ?? 0 } } : { inputs: call.inputs, attributes }
  },
  samples: [{ inputs: [[2, 5], given(2, 3)], attributes: { axis: 1 } }, { inputs: [[4, 2]], attributes: { num_outputs: 2 } }],
})

export const Slice = defineOp({
  op: 'Slice',
  attributes: {},
  infer: (call) => {
    const x = inputOf(call, 0)
    const ranges = rangesOf(call)
    const shape = [...x.shape]
    for (const { axis, length } of ranges) shape[axis] = length
    const first = ranges[0]
    const contents = x.contents && first ? pick(x.contents, first) : undefined
    return [{ dtype: x.dtype, shape, ...(contents && { contents }) }]
  },
  vjp: (g, call, [dy]) => [adjointSlice(g, call, dy!), null, null, null, null],
  // Before opset 10 starts, ends and axes were attributes.
  upgrade: (g, call, opset) => {
    if (opset >= 10) return call
    const [starts, ends, axes] = [numbersOf(call, 'starts')!, numbersOf(call, 'ends')!, numbersOf(call, 'axes')]
    const inputs = [inputOf(call, 0), g.integers(starts), g.integers(ends)]
    return { inputs: [...inputs, g.integers(axes ?? starts.map((_, i) => i))], attributes: {} }
  },
  samples: [
    { inputs: [[4, 5], given(1), given(4), given(1)] },
    { inputs: [[5, 6], given(0, 1), given(5, 100), given(0, 1), given(2, 3)] },
    { inputs: [[5, 2], given(-1), given(-100), given(0), given(-1)] },
    { inputs: [[7, 2], given(5), given(0), given(0), given(-2)] },
  ],
})

export const Expand = defineOp({
  op: 'Expand',
  attributes: {},
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const target = contentsOf(call, 1, 'the target shape')
    const expanded = broadcastShapes(shape, target)
    if (!expanded) throw shapeError(call, `${formatShape(shape)} cannot be expanded to ${formatShape(target)}`)
    return [{ dtype, shape: expanded }]
  },
  vjp: (_g, _call, [dy]) => [dy!, null],
  samples: [{ inputs: [[3, 1], given(2, 3, 4)] }],
})

export const Gather = defineOp({
  op: 'Gather',
  attributes: { axis: int(0) },
  infer: (call) => {
    const [x, indices] = [inputOf(call, 0), inputOf(call, 1)]
    const axis = axisOf(call, numberOf(call, 'axis'), x.shape.length)
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]
    const contents = indices.contents?.map((at) => (typeof at === 'number' ? x.contents?.at(at) : undefined))
    const known = contents?.filter((item) => item !== undefined)
    return [{ dtype: x.dtype, shape, ...(known && known.length === contents!.length && { contents: known }) }]
  },
  // The adjoint adds each row back where it came from: a product with a one-hot matrix.
  vjp: (g, call, [dy]) => {
    const [x, indices] = [inputOf(call, 0), inputOf(call, 1)]
    const axis = axisOf(call, numberOf(call, 'axis'), x.shape.length)
    const size = x.shape[axis]!
    const count = elementsOf(indices.shape)
    if (typeof size !== 'number' || typeof count !== 'number') {
      throw shapeError(call, 'needs a gathered axis and a number of indices known before the run')
    }
    const flat = g.cast(g.reshape(indices, [count, 1]), 'int64')
    const wrapped = g.where(g.less(flat, 0), g.add(flat, size), flat)
    const positions = g.integers(Array.from({ length: size }, (_, i) => i))
    const oneHot = g.cast(g.equal(wrapped, positions), x.dtype)
    // Bring the indices' axes to the front, multiply, and move the axis back.
    const rank = dy!.shape.length
    const moved = indices.shape.map((_, i) => axis + i)
    const others = Array.from({ length: rank }, (_, i) => i).filter((i) => !moved.includes(i))
    const front = g.reshape(g.transpose(dy!, [...moved, ...others]), [count, -1])
    const rest = [...x.shape.slice(0, axis), ...x.shape.slice(axis + 1)]
    const product = g.matMul(g.transpose(oneHot, [1, 0]), front)
    const shape = constantShape([size, ...rest])
    if (!shape) throw shapeError(call, `needs at most one symbolic size, got ${formatShape(x.shape)}`)
    const back = Array.from({ length: x.shape.length }, (_, i) => (i < axis ? i + 1 : i === axis ? 0 : i))
    return [g.transpose(g.reshape(product, shape), back), null]
  },
  samples: [
    { inputs: [[4, 3], given(2, 0, 2)] },
    { inputs: [[2, 5, 3], { shape: [], dtype: 'int64', values: [-1] }], attributes: { axis: 1 } },
    { inputs: [[2, 5], { shape: [2, 2], dtype: 'int64', values: [1, 4, 0, 1] }], attributes: { axis: 1 } },
  ],
})

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
    const { dtype, data } = typeof value === 'object' && 'dtype' in value ? value : float32([1], [0])
    const shape = contentsOf(call, 0, 'the shape')
    const [length] = shape
    // A vector of sizes, as in the export of an expand.
    const isSizes = dtype === 'int64' && shape.length === 1 && typeof length === 'number' && length <= 64
    return [{ dtype, shape, ...(isSizes && { contents: Array.from({ length }, () => Number(data[0])) }) }]
  },
  vjp: 'zero',
  samples: [{ inputs: [given(2, 3)] }],
})

/** Depth into blocks; `CRD` reads channels as [c, block row, block column]. */
export const DepthToSpace = defineOp({
  op: 'DepthToSpace',
  attributes: { blocksize: { type: 'int' }, mode: text('DCR') },
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const block = numberOf(call, 'blocksize')
    const [n, c, h, w] = shape
    const channels = divideDims(c!, block * block)
    if (channels === undefined) throw shapeError(call, `${formatShape(shape)} has no multiple of ${block * block} channels`)
    return [{ dtype, shape: [n!, channels, multiplyDims([h!, block]), multiplyDims([w!, block])] }]
  },
  // A permutation: its adjoint reads the blocks back.
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

function reshapedShape(call: Call, shape: readonly Dim[], target: readonly Dim[]): Dim[] {
  const keepZeros = numberOf(call, 'allowzero') === 1
  const wanted = target.map((dim, axis) => (dim === 0 && !keepZeros ? (shape[axis] ?? 0) : dim))
  const total = multiplyDims(shape)
  const open = wanted.indexOf(-1)
  if (open >= 0) {
    const rest = divideDims(total, multiplyDims(wanted.filter((_, axis) => axis !== open)))
    if (rest === undefined) throw mismatch(call, shape, target)
    wanted[open] = rest
  } else if (typeof total === 'number' && typeof multiplyDims(wanted) === 'number' && total !== multiplyDims(wanted)) {
    throw mismatch(call, shape, target)
  }
  return wanted
}

function mismatch(call: Call, shape: readonly Dim[], target: readonly Dim[]): Error {
  return shapeError(call, `${formatShape(shape)} cannot be reshaped to ${formatShape(target)}`)
}

function permOf(call: Call): readonly number[] {
  const { shape } = inputOf(call, 0)
  const reversed = shape.map((_, i) => shape.length - 1 - i)
  const perm = numbersOf(call, 'perm') ?? reversed
  if (perm.length !== shape.length || reversed.some((axis) => !perm.includes(axis))) {
    throw shapeError(call, `perm [${perm.join(', ')}] is no order of the axes of ${formatShape(shape)}`)
  }
  return perm
}

/** Parts to be joined have equal sizes on all other axes. */
function checkParts(call: Call, axis: number): void {
  const first = inputOf(call, 0)
  for (const [i, part] of call.inputs.entries()) {
    const { shape } = part ?? inputOf(call, i)
    const clash = first.shape.some((dim, at) => at !== axis && typeof dim === 'number' && typeof shape[at] === 'number' && dim !== shape[at])
    if (clash || shape.length !== first.shape.length) {
      throw shapeError(call, `${formatShape(first.shape)} and ${formatShape(shape)} cannot be joined along axis ${axis}`)
    }
  }
}

function upgradeAxes(g: Builder, call: Call, opset: number): Upgraded {
  if (opset >= 13) return call
  const axes = numbersOf(call, 'axes')
  return { inputs: axes ? [inputOf(call, 0), g.integers(axes)] : [inputOf(call, 0)], attributes: {} }
}

function splitSizes(call: Call): readonly number[] {
  if (call.inputs[1]) return numbersIn(call, 1, 'the sizes')
  const { shape } = inputOf(call, 0)
  const count = numberOf(call, 'num_outputs')
  const size = shape[axisOf(call, numberOf(call, 'axis'), shape.length)]
  if (typeof size !== 'number') throw shapeError(call, 'the axis must have a size known before the run')
  const part = Math.ceil(size / count)
  return Array.from({ length: count }, (_, i) => Math.min(part, size - i * part))
}

function pick(contents: readonly Dim[], range: { start: number; step: number; length: number }): Dim[] {
  return Array.from({ length: range.length }, (_, i) => contents[range.start + i * range.step]!)
}

