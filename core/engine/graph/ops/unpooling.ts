/** Adjoints of pooling and unfolding, which some decoders use, and crops to a size. */
import { sizeOf } from '../../tensor/tensor.ts'
import { defineFunction, given, ints, int, since } from '../operator.ts'
import {
  axisOf,
  inputOf,
  numberOf,
  numbersIn,
  numbersOf,
  shapeError,
  sizesOf,
} from '../operator-call.ts'

/** Places x at indices of a flat tensor of zeros. Inputs x, indices, and the shape of the result. */
export const MaxUnpool = defineFunction({
  op: 'MaxUnpool',
  attributes: { kernel_shape: { type: 'ints' }, pads: ints(), strides: ints() },
  body: (g, call) => {
    const [x, at] = [inputOf(call, 0), inputOf(call, 1)]
    const [channels, ...spatial] = sizesOf(call, x.shape, 1)
    const kernel = numbersOf(call, 'kernel_shape')!
    const strides = numbersOf(call, 'strides') ?? kernel.map(() => 1)
    const pads = numbersOf(call, 'pads') ?? kernel.flatMap(() => [0, 0])
    const target = call.inputs[2]
      ? sizesOf(call, inputOf(call, 2).contents ?? [], 2)
      : spatial.map(
          (size, i) => (size - 1) * strides[i]! + kernel[i]! - pads[i]! - pads[i + kernel.length]!,
        )
    if (target.length !== spatial.length)
      throw shapeError(call, 'the shape of the result must be known before the run')
    const rows = g.slice(g.shape(x), [0], [1], [0])
    const shape = g.concat([rows, g.integers([channels!, ...target])], 0)
    const zeros = g.reshape(g.op('Expand', [g.scalar(0, x.dtype), shape])[0]!, [-1])
    const [placed] = g.op('ScatterElements', [zeros, g.reshape(at, [-1]), g.reshape(x, [-1])], {
      axis: 0,
    })
    return [g.reshape(placed!, [-1, channels!, ...target])]
  },
  opsets: since(9),
  samples: [
    {
      inputs: [[1, 1, 2, 2], { shape: [1, 1, 2, 2], dtype: 'int64', values: [1, 3, 8, 15] }],
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    },
  ],
})

/** Sums blocks `[n, c·block, positions]` at their places in an image. The adjoint of unfolding. */
export const Col2Im = defineFunction({
  op: 'Col2Im',
  attributes: { dilations: ints(), pads: ints(), strides: ints() },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const image = numbersIn(call, 1, 'the size of the image')
    const block = numbersIn(call, 2, 'the size of blocks')
    const strides = numbersOf(call, 'strides') ?? block.map(() => 1)
    const dilations = numbersOf(call, 'dilations') ?? block.map(() => 1)
    const pads = numbersOf(call, 'pads') ?? block.flatMap(() => [0, 0])
    const taps = sizeOf(block)
    const channels = sizesOf(call, x.shape, 1)[0]! / taps
    const room = image.map(
      (size, i) => size + pads[i]! + pads[i + block.length]! - (block[i]! - 1) * dilations[i]! - 1,
    )
    const positions = room.map((size, i) => Math.floor(size / strides[i]!) + 1)
    const identity = Array.from({ length: taps * taps }, (_, i) => (i % (taps + 1) === 0 ? 1 : 0))
    // All channels share the taps of one.
    const single = g.reshape(x, [-1, taps, ...positions])
    const kernel = g.cast(g.floats([taps, 1, ...block], identity), x.dtype)
    const summed = g.convTranspose(single, kernel, {
      strides,
      dilations,
      pads,
      output_padding: room.map((size, i) => size % strides[i]!),
    })
    return [g.reshape(summed, [-1, channels, ...image])]
  },
  opsets: since(18),
  samples: [
    { inputs: [[2, 12, 12], given(4, 5), given(2, 2)] },
    {
      inputs: [[1, 8, 9], given(6, 5), given(2, 2)],
      attributes: { strides: [2, 2], pads: [0, 1, 0, 0] },
    },
  ],
})

/** Crops or pads axes around their middle to a given size. */
export const CenterCropPad = defineFunction({
  op: 'CenterCropPad',
  attributes: { axes: ints() },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const rank = x.shape.length
    const axes = numbersOf(call, 'axes') ?? x.shape.map((_, axis) => axis)
    const pads = Array.from({ length: 2 * rank }, () => 0)
    numbersIn(call, 1, 'the size').forEach((size, i) => {
      const axis = axisOf(call, axes[i]!, rank)
      const surplus = size - sizesOf(call, [x.shape[axis]!])[0]!
      // Half, rounded down, comes before.
      const before = Math.sign(surplus) * Math.floor(Math.abs(surplus) / 2)
      pads[axis] = before
      pads[axis + rank] = surplus - before
    })
    return [g.pad(x, pads)]
  },
  opsets: since(18),
  samples: [
    { inputs: [[1, 2, 5, 4], given(2, 7)], attributes: { axes: [2, 3] } },
    { inputs: [[5, 4], given(8, 4)] },
  ],
})

/** Cumulative products along an axis: the products of the elements that a 0/1 matrix selects. */
export const CumProd = defineFunction({
  op: 'CumProd',
  attributes: { exclusive: int(0), reverse: int(0) },
  body: (g, call) => {
    const x = inputOf(call, 0)
    const [given] = numbersIn(call, 1, 'the axis') as [number]
    const axis = axisOf(call, given, x.shape.length)
    const [size] = sizesOf(call, [x.shape[axis]!]) as [number]
    const isReverse = numberOf(call, 'reverse') === 1
    const first = numberOf(call, 'exclusive')
    const selected = Array.from({ length: size * size }, (_, i) => {
      const distance = Math.floor(i / size) - (i % size)
      return (isReverse ? -distance : distance) >= first ? 1 : 0
    })
    const trailing = x.shape.slice(axis + 1).map(() => 1)
    const mask = g.cast(g.floats([size, size, ...trailing], selected), 'bool')
    const factors = g.where(mask, g.unsqueeze(x, [axis]), 1)
    return g.op('ReduceProd', [factors, g.integers([axis + 1])], { keepdims: 0 })
  },
  opsets: since(26),
  samples: [
    {
      inputs: [
        { shape: [2, 4], low: 0.5, high: 1.5 },
        { shape: [], dtype: 'int64', values: [1], constant: true },
      ],
    },
    {
      inputs: [[3, 2], { shape: [], dtype: 'int64', values: [0], constant: true }],
      attributes: { exclusive: 1, reverse: 1 },
    },
  ],
})
