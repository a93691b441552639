/** Kernels of reductions and of what normalizes by them. */
import { axisOf, numberOf, numbersIn } from '../operator-call.ts'
import type { Node } from '../value.ts'
import type { Tf, TfTensor } from './backend.ts'
import { input, type Kernel, type Kernels } from './kernel.ts'

const reduction =
  (compute: (tf: Tf, x: TfTensor, axes: number[], keep: boolean) => TfTensor): Kernel =>
  (call) => {
    const axes = axesOf(call.node)
    const x = input(call, 0)
    return axes.length === 0
      ? call.tf.clone(x)
      : compute(call.tf, x, axes, numberOf(call.node, 'keepdims') === 1)
  }

const position =
  (find: (tf: Tf, x: TfTensor, axis: number) => TfTensor): Kernel =>
  ({ tf, node, inputs, shapes }) => {
    const x = inputs[0]!
    const axis = axisOf(node, numberOf(node, 'axis'), x.rank)
    const isLast = numberOf(node, 'select_last_index') === 1
    const found = find(tf, isLast ? tf.reverse(x, axis) : x, axis)
    const from = tf.scalar(x.shape[axis]! - 1, 'int32')
    return tf.reshape(isLast ? tf.sub(from, found) : found, [...shapes[0]!])
  }

const alongAxis =
  (compute: (tf: Tf, x: TfTensor, axis: number) => TfTensor): Kernel =>
  ({ tf, node, inputs }) => {
    const x = inputs[0]!
    return compute(tf, x, axisOf(node, numberOf(node, 'axis'), x.rank))
  }

/** Reductions, softmax, and normalizations. */
export const reductionKernels: Kernels = {
  ReduceSum: reduction((tf, x, axes, keep) => tf.sum(x, axes, keep)),
  ReduceMean: reduction((tf, x, axes, keep) => tf.mean(x, axes, keep)),
  ReduceMax: reduction((tf, x, axes, keep) => tf.max(x, axes, keep)),
  ReduceMin: reduction((tf, x, axes, keep) => tf.min(x, axes, keep)),
  ReduceProd: reduction((tf, x, axes, keep) => tf.prod(x, axes, keep)),
  ReduceL1: reduction((tf, x, axes, keep) => tf.sum(tf.abs(x), axes, keep)),
  ReduceL2: reduction((tf, x, axes, keep) => tf.sqrt(tf.sum(tf.square(x), axes, keep))),
  ReduceSumSquare: reduction((tf, x, axes, keep) => tf.sum(tf.square(x), axes, keep)),
  ReduceLogSum: reduction((tf, x, axes, keep) => tf.log(tf.sum(x, axes, keep))),
  ReduceLogSumExp: reduction((tf, x, axes, keep) => tf.logSumExp(x, axes, keep)),
  ArgMax: position((tf, x, axis) => tf.argMax(x, axis)),
  ArgMin: position((tf, x, axis) => tf.argMin(x, axis)),
  Softmax: alongAxis((tf, x, axis) => {
    const powers = tf.exp(tf.sub(x, tf.max(x, axis, true)))
    return tf.div(powers, tf.sum(powers, axis, true))
  }),
  LogSoftmax: alongAxis((tf, x, axis) => {
    const shifted = tf.sub(x, tf.max(x, axis, true))
    return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), axis, true)))
  }),
  Hardmax: alongAxis((tf, x, axis) => {
    const last = x.rank - 1
    const order = x.shape.map((_, i) => (i === axis ? last : i === last ? axis : i))
    const hot = tf.oneHot(tf.argMax(tf.transpose(x, order), last), x.shape[axis]!)
    return tf.cast(tf.transpose(hot, order), 'float32')
  }),
  LayerNormalization: ({ tf, node, inputs, used }) => {
    const [x, scale, bias] = inputs as readonly [TfTensor, TfTensor, TfTensor | null]
    const first = axisOf(node, numberOf(node, 'axis'), x.rank)
    const axes = x.shape.flatMap((_, axis) => (axis >= first ? [axis] : []))
    const { normalized, mean, inverse } = normalize(tf, x, axes, numberOf(node, 'epsilon'))
    const scaled = tf.mul(normalized, scale)
    return [
      bias ? tf.add(scaled, bias) : scaled,
      used[1] ? tf.clone(mean) : null,
      used[2] ? tf.clone(inverse) : null,
    ]
  },
  InstanceNormalization: ({ tf, node, inputs }) => {
    const [x, scale, bias] = inputs as readonly [TfTensor, TfTensor, TfTensor]
    const axes = x.shape.flatMap((_, axis) => (axis > 1 ? [axis] : []))
    const { normalized } = normalize(tf, x, axes, numberOf(node, 'epsilon'))
    return tf.add(tf.mul(normalized, perChannel(tf, scale, x)), perChannel(tf, bias, x))
  },
  BatchNormalization: ({ tf, node, inputs }) => {
    const [x, ...statistics] = inputs as readonly TfTensor[]
    const [scale, bias, mean, variance] = statistics.map((item) => perChannel(tf, item, x!))
    const inverse = tf.rsqrt(tf.add(variance!, numberOf(node, 'epsilon')))
    return tf.add(tf.mul(tf.sub(x!, mean!), tf.mul(scale!, inverse)), bias!)
  },
  LRN: ({ tf, node, inputs }) => {
    const x = inputs[0]!
    const size = numberOf(node, 'size')
    const before = Math.floor((size - 1) / 2)
    const squares = tf.square(x)
    const pads = x.shape.map((_, axis): [number, number] =>
      axis === 1 ? [before, size - 1 - before] : [0, 0],
    )
    const padded = tf.pad(squares, pads)
    const parts = Array.from({ length: size }, (_, offset) =>
      tf.slice(
        padded,
        x.shape.map((_, axis) => (axis === 1 ? offset : 0)),
        x.shape,
      ),
    )
    const sums = tf.mul(tf.addN(parts), numberOf(node, 'alpha') / size)
    return tf.div(x, tf.pow(tf.add(sums, numberOf(node, 'bias')), numberOf(node, 'beta')))
  },
  GlobalAveragePool: ({ tf, inputs: [x] }) => tf.mean(x!, spatialAxes(x!), true),
  GlobalMaxPool: ({ tf, inputs: [x] }) => tf.max(x!, spatialAxes(x!), true),
}

function normalize(tf: Tf, x: TfTensor, axes: number[], epsilon: number) {
  const mean = tf.mean(x, axes, true)
  const centered = tf.sub(x, mean)
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centered), axes, true), epsilon))
  return { normalized: tf.mul(centered, inverse), mean, inverse }
}

/** One number per channel, `[c]`, for broadcasting over `[n, c, …]`. */
function perChannel(tf: Tf, values: TfTensor, x: TfTensor): TfTensor {
  return tf.reshape(
    values,
    x.shape.slice(1).map((_, i) => (i === 0 ? -1 : 1)),
  )
}

function spatialAxes(x: TfTensor): number[] {
  return x.shape.flatMap((_, axis) => (axis > 1 ? [axis] : []))
}

function axesOf(node: Node): number[] {
  const { rank } = { rank: node.inputs[0]!.shape.length }
  const given = node.inputs[1] ? numbersIn(node, 1, 'axes') : []
  if (given.length > 0) return given.map((axis) => axisOf(node, axis, rank))
  return numberOf(node, 'noop_with_empty_axes') === 1
    ? []
    : Array.from({ length: rank }, (_, i) => i)
}
