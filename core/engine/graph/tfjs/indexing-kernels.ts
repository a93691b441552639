/** Kernels that gather, scatter, and sort by index. */
import { axisOf, numberOf, textOf } from '../operator-call.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import type { Tf, TfTensor } from './backend.ts'
import { coordinates, input, integers, type Kernels } from './kernel.ts'

/** Operators with computed indices. */
export const indexingKernels: Kernels = {
  Gather: (call) => {
    const x = input(call, 0)
    const axis = axisOf(call.node, numberOf(call.node, 'axis'), x.rank)
    return call.tf.gather(x, wrap(call.tf, input(call, 1), x.shape[axis]!), axis)
  },
  GatherElements: (call) => {
    const { tf, node } = call
    const [x, at] = [input(call, 0), input(call, 1)]
    const axis = axisOf(node, numberOf(node, 'axis'), x.rank)
    return tf.gather(tf.reshape(x, [-1]), flatPlaces(tf, x.shape, at, axis))
  },
  GatherND: (call) => {
    const { tf } = call
    const [x, at] = [input(call, 0), input(call, 1)]
    const { places, rest } = flatSlices(tf, x.shape, at)
    const rows = tf.gather(tf.reshape(x, [-1, sizeOf(rest)]), places)
    return tf.reshape(rows, [...call.shapes[0]!])
  },
  ScatterElements: (call) => {
    const { tf, node } = call
    const [x, at, updates] = [input(call, 0), input(call, 1), input(call, 2)]
    const axis = axisOf(node, numberOf(node, 'axis'), x.rank)
    const places = tf.reshape(flatPlaces(tf, x.shape, at, axis), [-1])
    const flat = tf.reshape(x, [-1, 1])
    const scattered = scatter(
      tf,
      flat,
      places,
      tf.reshape(updates, [-1, 1]),
      reductionOf(call.node),
    )
    return tf.reshape(scattered, x.shape)
  },
  ScatterND: (call) => {
    const { tf } = call
    const [x, at, updates] = [input(call, 0), input(call, 1), input(call, 2)]
    const { places, rest } = flatSlices(tf, x.shape, at)
    const width = sizeOf(rest)
    const rows = tf.reshape(updates, [-1, width])
    const scattered = scatter(tf, tf.reshape(x, [-1, width]), places, rows, reductionOf(call.node))
    return tf.reshape(scattered, x.shape)
  },
  TopK: (call) => {
    const { tf, node } = call
    const x = input(call, 0)
    const axis = axisOf(node, numberOf(node, 'axis'), x.rank)
    const last = x.rank - 1
    const order = x.shape.map((_, i) => (i === axis ? last : i === last ? axis : i))
    const isSmallest = numberOf(node, 'largest') === 0
    const moved = tf.transpose(isSmallest ? tf.neg(x) : x, order)
    const { values, indices } = tf.topk(moved, call.shapes[0]![axis], true)
    const back = tf.transpose(values, order)
    return [isSmallest ? tf.neg(back) : back, tf.transpose(indices, order)]
  },
}

function reductionOf(node: Parameters<typeof textOf>[0]): string {
  return textOf(node, 'reduction')
}

/** Nonnegative indices; negative ones count from the end. */
function wrap(tf: Tf, at: TfTensor, size: number): ReturnType<Tf['tensor1d']> {
  const indices = tf.cast(at, 'int32')
  const wrapped = tf.where(tf.less(indices, 0), tf.add(indices, tf.scalar(size, 'int32')), indices)
  return wrapped as ReturnType<Tf['tensor1d']>
}

/** The place of x[i, at[i, j], j] in x, for each element of `at`. */
function flatPlaces(
  tf: Tf,
  shape: readonly number[],
  at: TfTensor,
  axis: number,
): ReturnType<Tf['tensor1d']> {
  const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)))
  const parts = shape.map((size, i) => {
    const index = i === axis ? wrap(tf, at, size) : coordinates(tf, at.shape[i]!, i, at.rank)
    return tf.mul(index, tf.scalar(strides[i]!, 'int32'))
  })
  return parts.reduce((a, b) => tf.add(a, b)) as ReturnType<Tf['tensor1d']>
}

/** The rows of x, as a matrix of slices, that the last axis of `at` names. */
function flatSlices(
  tf: Tf,
  shape: readonly number[],
  at: TfTensor,
): { readonly places: ReturnType<Tf['tensor1d']>; readonly rest: readonly number[] } {
  const depth = at.shape.at(-1)!
  const parts = tf.unstack(tf.reshape(at, [-1, depth]), 1).map((index, i) => {
    const stride = sizeOf(shape.slice(i + 1, depth))
    return tf.mul(wrap(tf, index, shape[i]!), tf.scalar(stride, 'int32'))
  })
  return {
    places: parts.reduce((a, b) => tf.add(a, b)) as ReturnType<Tf['tensor1d']>,
    rest: shape.slice(depth),
  }
}

/**
 * Combines rows of x `[n, w]` with updates `[m, w]` at `places` `[m]`. TensorFlow.js has operations
 * for `none` and `add`; the others run on the host.
 */
function scatter(
  tf: Tf,
  x: TfTensor,
  places: TfTensor,
  updates: TfTensor,
  reduction: string,
): TfTensor {
  const at = tf.reshape(places, [-1, 1])
  if (reduction === 'add') return tf.add(x, tf.scatterND(at, updates, x.shape as [number, number]))
  if (reduction === 'none') return tf.tensorScatterUpdate(x, at, updates)
  const combine = reductions[reduction]!
  const data = Float32Array.from(x.dataSync())
  const width = x.shape[1]!
  const values = updates.dataSync()
  places.dataSync().forEach((row, i) => {
    for (let k = 0; k < width; k++) {
      data[row * width + k] = combine(data[row * width + k]!, values[i * width + k]!)
    }
  })
  return x.dtype === 'float32' ? tf.tensor(data, x.shape) : integers(tf, x.shape, data)
}

const reductions: Readonly<Record<string, (a: number, b: number) => number>> = {
  mul: (a, b) => a * b,
  max: Math.max,
  min: Math.min,
}
