/** Kernels that create, move, repeat, mask, and accumulate elements. */
import { axisOf, contentsOf, numberOf, numbersIn, numbersOf, textOf } from '../operator-call.ts'
import { rangesOf } from '../ops/slicing.ts'
import { padsOf, sourceOf } from '../ops/padding.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Tf, TfTensor } from './backend.ts'
import { coordinates, input, integers, toTf, type Kernel, type Kernels } from './kernel.ts'

/** The first input in the shape of the output. */
const reshaped: Kernel = (call) => call.tf.reshape(input(call, 0), [...call.shapes[0]!])

/** Operators that move elements. */
export const arrangementKernels: Kernels = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Expand: (call) => call.tf.broadcastTo(input(call, 0), [...call.shapes[0]!]),
  Transpose: (call) => {
    const x = input(call, 0)
    const reversed = x.shape.map((_, axis) => x.rank - 1 - axis)
    return call.tf.transpose(x, [...(numbersOf(call.node, 'perm') ?? reversed)])
  },
  Concat: ({ tf, node, inputs }) => {
    const parts = inputs as readonly TfTensor[]
    return tf.concat([...parts], axisOf(node, numberOf(node, 'axis'), parts[0]!.rank))
  },
  Split: (call) => {
    const axis = axisOf(call.node, numberOf(call.node, 'axis'), input(call, 0).rank)
    const sizes = call.shapes.map((shape) => shape[axis]!)
    return call.tf.split(input(call, 0), sizes, axis)
  },
  Slice: (call) =>
    rangesOf(call.node).reduce(
      (x, { axis, start, step, length }) =>
        step === 1
          ? sliceAxis(call.tf, x, axis, start, length)
          : call.tf.gather(x, everyStep(call.tf, start, step, length), axis),
      call.tf.clone(input(call, 0)),
    ),
  Pad: (call) => {
    const { tf, node } = call
    const x = input(call, 0)
    const pads = padsOf(node)
    if (textOf(node, 'mode') !== 'constant')
      return padWithCopies(tf, x, pads, (at, size) => sourceOf(node, at, size))
    const value = call.inputs[2] ? Number(call.inputs[2].dataSync()[0]) : 0
    const kept = x.shape.map(
      (size, i) => size + Math.min(0, pads[i]!) + Math.min(0, pads[i + x.rank]!),
    )
    const inside = tf.slice(
      x,
      x.shape.map((_, i) => Math.max(0, -pads[i]!)),
      kept,
    )
    return tf.pad(
      inside,
      x.shape.map((_, i): [number, number] => [
        Math.max(0, pads[i]!),
        Math.max(0, pads[i + x.rank]!),
      ]),
      value,
    )
  },
  Tile: (call) => {
    const x = input(call, 0)
    return call.tf.tile(
      x,
      x.shape.map((size, axis) => call.shapes[0]![axis]! / size),
    )
  },
  DepthToSpace: (call) => {
    const block = numberOf(call.node, 'blocksize')
    const [n, c, h, w] = input(call, 0).shape as [number, number, number, number]
    const isColumnFirst = textOf(call.node, 'mode') === 'CRD'
    const inner = c / block ** 2
    const open = isColumnFirst ? [n, inner, block, block, h, w] : [n, block, block, inner, h, w]
    const order = isColumnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
    const moved = call.tf.transpose(call.tf.reshape(input(call, 0), open), order)
    return call.tf.reshape(moved, [...call.shapes[0]!])
  },
  SpaceToDepth: (call) => {
    const block = numberOf(call.node, 'blocksize')
    const [n, c, h, w] = input(call, 0).shape as [number, number, number, number]
    const open = [n, c, h / block, block, w / block, block]
    const moved = call.tf.transpose(call.tf.reshape(input(call, 0), open), [0, 3, 5, 1, 2, 4])
    return call.tf.reshape(moved, [...call.shapes[0]!])
  },
  Trilu: (call) => {
    const { tf, node } = call
    const x = input(call, 0)
    const [offset = 0] = node.inputs[1] ? numbersIn(node, 1, 'the diagonal') : []
    const rows = coordinates(tf, x.shape.at(-2)!, 0, 2)
    const difference = tf.sub(coordinates(tf, x.shape.at(-1)!, 1, 2), rows)
    const limit = tf.scalar(offset, 'int32')
    const isUpper = numberOf(node, 'upper') === 1
    const mask = isUpper ? tf.greaterEqual(difference, limit) : tf.lessEqual(difference, limit)
    return tf.where(mask, x, tf.zerosLike(x))
  },
  CumSum: (call) => {
    const { node } = call
    const x = input(call, 0)
    const [axis = 0] = numbersIn(node, 1, 'the axis')
    const isExclusive = numberOf(node, 'exclusive') === 1
    const isReverse = numberOf(node, 'reverse') === 1
    return call.tf.cumsum(x, axisOf(node, axis, x.rank), isExclusive, isReverse)
  },
  Shape: (call) => {
    const { shape } = input(call, 0)
    const end = call.node.attributes['end']
    const part = shape.slice(
      numberOf(call.node, 'start'),
      typeof end === 'number' ? end : undefined,
    )
    return integers(call.tf, [part.length], part)
  },
  Size: (call) => integers(call.tf, [], [input(call, 0).size]),
  Range: (call) => coordinates(call.tf, call.shapes[0]![0]!, 0, 1),
  ConstantOfShape: (call) => {
    const value = call.node.attributes['value']
    const scalar =
      typeof value === 'object' && 'dtype' in value
        ? toTf(call.tf, scalarOf(value))
        : call.tf.scalar(0)
    return call.tf.broadcastTo(scalar, [...call.shapes[0]!])
  },
  OneHot: (call) => {
    const { tf, node } = call
    const [depth] = contentsOf(node, 1, 'the depth') as readonly number[]
    const rank = input(call, 0).rank + 1
    const axis = axisOf(node, numberOf(node, 'axis'), rank)
    const at = tf.cast(tf.expandDims(input(call, 0), axis), 'int32')
    const wrapped = tf.where(tf.less(at, 0), tf.add(at, tf.scalar(depth!, 'int32')), at)
    const [off, on] = tf.split(input(call, 2), 2)
    const isHot = tf.equal(wrapped, coordinates(tf, depth!, axis, rank))
    const one = Array.from({ length: rank }, () => 1)
    return tf.where(isHot, tf.reshape(on!, one), tf.reshape(off!, one))
  },
}

function scalarOf(value: Tensor): Tensor {
  return { ...value, shape: [] }
}

/** `length` elements from `start` on along an axis. */
export function sliceAxis(
  tf: Tf,
  x: TfTensor,
  axis: number,
  start: number,
  length: number,
): TfTensor {
  const begin = x.shape.map((_, i) => (i === axis ? start : 0))
  const size = x.shape.map((whole, i) => (i === axis ? length : whole))
  return tf.slice(x, begin, size)
}

function everyStep(
  tf: Tf,
  start: number,
  step: number,
  length: number,
): ReturnType<Tf['tensor1d']> {
  return tf.tensor1d(
    Array.from({ length }, (_, i) => start + i * step),
    'int32',
  )
}

/** @param source the index of the element that is copied to a position of an axis */
function padWithCopies(
  tf: Tf,
  x: TfTensor,
  pads: readonly number[],
  source: (position: number, size: number) => number,
): TfTensor {
  return x.shape.reduce((padded, size, axis) => {
    const [before, after] = [pads[axis]!, pads[axis + x.rank]!]
    if (before === 0 && after === 0) return padded
    const places = Array.from({ length: before + size + after }, (_, i) => source(i - before, size))
    return tf.gather(padded, tf.tensor1d(places, 'int32'), axis)
  }, tf.clone(x))
}
