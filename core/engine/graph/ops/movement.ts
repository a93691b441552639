/** Operators that rearrange elements: reshape, transpose, concatenate, slice, pad. */
import { sum } from '../../../base/sum.ts'
import { broadcastShapes, divideDims, formatShape, multiplyDims, type Dim } from '../dim.ts'
import { defineOp, given, int, ints, type Upgraded } from '../operator.ts'
import {
  axisOf,
  contentsOf,
  inputOf,
  numberOf,
  numbersIn,
  numbersOf,
  shapeError,
  type Call,
} from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import { adjointSlice, rangesOf } from './slicing.ts'

export const Reshape = defineOp({
  op: 'Reshape',
  attributes: { allowzero: int(0) },
  infer: (call) => {
    const x = inputOf(call, 0)
    const shape = reshapedShape(call, x.shape, contentsOf(call, 1, 'the target shape'))
    return [{ dtype: x.dtype, shape, ...(x.contents && { contents: x.contents }) }]
  },
  vjp: (g, { inputs: [x] }, [dy]) => [g.reshapeLike(dy!, x!), null],
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
    return [
      {
        dtype: x.dtype,
        shape: x.shape.filter((_, axis) => !axes.includes(axis)),
        ...(x.contents && { contents: x.contents }),
      },
    ]
  },
  vjp: (g, { inputs: [x] }, [dy]) => [g.reshapeLike(dy!, x!), null],
  // Without axes, onnxruntime would also drop a symbolic batch of size 1.
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
    if (numbers.length < sizes.length)
      throw shapeError(call, `axis ${axis} must have sizes known before the run`)
    const total = sum(numbers)
    const contents = call.inputs.flatMap((input) =>
      input!.contents && input!.shape.length === 1 ? [...input!.contents] : [null],
    )
    return [
      {
        dtype: first.dtype,
        shape: first.shape.map((dim, i) => (i === axis ? total : dim)),
        ...(contents.every((item) => item !== null) && {
          contents: contents.filter((item) => item !== null),
        }),
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
  samples: [
    {
      inputs: [
        [2, 3],
        [2, 1],
        [2, 2],
      ],
      attributes: { axis: 1 },
    },
  ],
})

export const Split = defineOp({
  op: 'Split',
  attributes: { axis: int(0), num_outputs: int() },
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const axis = axisOf(call, numberOf(call, 'axis'), shape.length)
    return splitSizes(call).map((size) => ({
      dtype,
      shape: shape.map((dim, i) => (i === axis ? size : dim)),
    }))
  },
  vjp: (g, call, dys) => {
    const axis = axisOf(call, numberOf(call, 'axis'), call.inputs[0]!.shape.length)
    return [
      g.concat(
        dys.map((dy, i) => dy ?? g.zerosLike(call.outputs[i]!)),
        axis,
      ),
      null,
    ]
  },
  // Before opset 13 the sizes were an attribute; before 18 the number of outputs came from the
  // node.
  upgrade: (g, call) => {
    const { split, ...attributes } = call.attributes
    if (Array.isArray(split))
      return {
        inputs: [inputOf(call, 0), g.integers(split as number[])],
        attributes: { axis: attributes['axis'] ?? 0 },
      }
    return call.inputs[1]
      ? { inputs: call.inputs, attributes: { axis: attributes['axis'] ?? 0 } }
      : { inputs: call.inputs, attributes }
  },
  samples: [
    { inputs: [[2, 5], given(2, 3)], attributes: { axis: 1 } },
    { inputs: [[4, 2]], attributes: { num_outputs: 2 } },
  ],
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
    const contents = x.contents && first && shape.length === 1 ? pick(x.contents, first) : undefined
    return [{ dtype: x.dtype, shape, ...(contents && { contents }) }]
  },
  vjp: (g, call, [dy]) => [adjointSlice(g, call, dy!), null, null, null, null],
  // Before opset 10 starts, ends and axes were attributes.
  upgrade: (g, call, opset) => {
    if (opset >= 10) return call
    const [starts, ends, axes] = [
      numbersOf(call, 'starts')!,
      numbersOf(call, 'ends')!,
      numbersOf(call, 'axes'),
    ]
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
    if (!expanded)
      throw shapeError(call, `${formatShape(shape)} cannot be expanded to ${formatShape(target)}`)
    return [{ dtype, shape: expanded }]
  },
  vjp: (_g, _call, [dy]) => [dy!, null],
  samples: [{ inputs: [[3, 1], given(2, 3, 4)] }],
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
  } else if (
    typeof total === 'number' &&
    typeof multiplyDims(wanted) === 'number' &&
    total !== multiplyDims(wanted)
  ) {
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
    throw shapeError(
      call,
      `perm [${perm.join(', ')}] is not a permutation of the axes of ${formatShape(shape)}`,
    )
  }
  return perm
}

/** Checks that the inputs have equal sizes on all other axes. */
function checkParts(call: Call, axis: number): void {
  const first = inputOf(call, 0)
  for (const [i, part] of call.inputs.entries()) {
    const { shape } = part ?? inputOf(call, i)
    const clash = first.shape.some(
      (dim, at) =>
        at !== axis &&
        typeof dim === 'number' &&
        typeof shape[at] === 'number' &&
        dim !== shape[at],
    )
    if (clash || shape.length !== first.shape.length) {
      throw shapeError(
        call,
        `cannot concatenate ${formatShape(first.shape)} and ${formatShape(shape)} ` +
          `along axis ${axis}`,
      )
    }
  }
}

function upgradeAxes(g: Builder, call: Call, opset: number): Upgraded {
  if (opset >= 13) return call
  const axes = numbersOf(call, 'axes')
  return {
    inputs: axes ? [inputOf(call, 0), g.integers(axes)] : [inputOf(call, 0)],
    attributes: {},
  }
}

function splitSizes(call: Call): readonly number[] {
  if (call.inputs[1]) return numbersIn(call, 1, 'the sizes')
  const { shape } = inputOf(call, 0)
  const count = numberOf(call, 'num_outputs')
  const size = shape[axisOf(call, numberOf(call, 'axis'), shape.length)]
  if (typeof size !== 'number')
    throw shapeError(call, 'the axis must have a size known before the run')
  const part = Math.ceil(size / count)
  return Array.from({ length: count }, (_, i) => Math.min(part, size - i * part))
}

function pick(
  contents: readonly Dim[],
  range: { start: number; step: number; length: number },
): Dim[] {
  return Array.from({ length: range.length }, (_, i) => contents[range.start + i * range.step]!)
}
