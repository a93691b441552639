/** Kernels of convolutions and pooling. TensorFlow.js has them in channels-last order only. */
import { sizeOf } from '../../tensor/tensor.ts'
import { numberOf, numbersOf } from '../operator-call.ts'
import { resolveTransposed } from '../ops/convolution.ts'
import { all, resolveWindow, type SlidingWindow } from '../ops/sliding-window.ts'
import type { Tf, TfTensor } from './backend.ts'
import { coordinates, input, type KernelCall, type Kernels } from './kernel.ts'

type Tensor4 = ReturnType<Tf['tensor4d']>

/** Convolutions over one or two axes, and pooling over any number. */
export const windowKernels: Kernels = {
  Conv: (call) => {
    const { tf, node } = call
    const [x, weight] = [input(call, 0), input(call, 1)]
    const window = resolveWindow(node, x.shape, weight.shape.slice(2))
    const group = numberOf(node, 'group')
    const { strides, dilations, begin, end } = window
    const padded = padSpatial(tf, x, begin, end, 0)
    const y = convolve(tf, padded, weight, strides, dilations, group)
    return withBias(call, y)
  },
  ConvTranspose: (call) => {
    const { tf, node } = call
    const [x, weight] = [input(call, 0), input(call, 1)]
    const ones = weight.shape.slice(2).map(() => 1)
    const strides = numbersOf(node, 'strides') ?? ones
    const dilations = numbersOf(node, 'dilations') ?? ones
    const { begin } = resolveTransposed(node, x.shape.slice(2), weight.shape.slice(2))
    const target = call.shapes[0]!.slice(2)
    const whole = adjoint(tf, x, weight, strides, dilations, numberOf(node, 'group'))
    // The window may end in the padding, or before the end of an output that is longer.
    const missing = target.map((size, i) => Math.max(0, begin[i]! + size - whole.shape[i + 2]!))
    const longer = padSpatial(
      tf,
      whole,
      ones.map(() => 0),
      missing,
      0,
    )
    const y = tf.slice(longer, [0, 0, ...begin], [x.shape[0], whole.shape[1]!, ...target])
    return withBias(call, y)
  },
  MaxPool: (call) => {
    const { tf, node, used } = call
    const x = input(call, 0)
    const window = resolveWindow(node, x.shape, numbersOf(node, 'kernel_shape')!)
    const parts = windowParts(tf, x, window, -Infinity)
    if (!used[1]) return [parts.reduce((a, b) => tf.maximum(a, b)), null]
    const isColumnFirst = numberOf(node, 'storage_order') === 1
    const places = windowParts(tf, planePlaces(tf, window.input, isColumnFirst), window, 0)
    let best = parts[0]!
    let at = tf.add(tf.zerosLike(best), places[0]!)
    for (let i = 1; i < parts.length; i++) {
      const isLarger = tf.greater(parts[i]!, best)
      at = tf.where(isLarger, tf.add(tf.zerosLike(at), places[i]!), at)
      best = tf.where(isLarger, parts[i]!, best)
    }
    const [n, c] = x.shape as [number, number]
    const planes = tf.reshape(coordinates(tf, n * c, 0, 1), [n, c, ...window.input.map(() => 1)])
    return [
      best,
      tf.add(tf.cast(at, 'int32'), tf.mul(planes, tf.scalar(sizeOf(window.input), 'int32'))),
    ]
  },
  AveragePool: (call) => {
    const { tf, node } = call
    const x = input(call, 0)
    const window = resolveWindow(node, x.shape, numbersOf(node, 'kernel_shape')!)
    const { begin, end } = window
    const ones = tf.ones([1, 1, ...window.input])
    const isPadCounted = numberOf(node, 'count_include_pad') === 1
    const counted = isPadCounted
      ? windowParts(tf, padSpatial(tf, ones, begin, end, 1), unpadded(window), 0)
      : windowParts(tf, ones, window, 0)
    return tf.div(tf.addN(windowParts(tf, x, window, 0)), tf.addN(counted))
  },
}

function withBias({ tf, inputs }: KernelCall, y: TfTensor): TfTensor {
  const bias = inputs[2]
  if (!bias) return y
  const column = y.shape.slice(1).map((_, i) => (i === 0 ? -1 : 1))
  return tf.add(y, tf.reshape(bias, column))
}

function padSpatial(
  tf: Tf,
  x: TfTensor,
  begin: readonly number[],
  end: readonly number[],
  value: number,
): TfTensor {
  if (all(begin, 0) && all(end, 0)) return x
  const pads = begin.map((before, i): [number, number] => [before, end[i]!])
  return tf.pad(x, [[0, 0], [0, 0], ...pads], value)
}

/** A convolution without padding; kernel `[out, in / group, …]`. */
function convolve(
  tf: Tf,
  x: TfTensor,
  weight: TfTensor,
  strides: readonly number[],
  dilations: readonly number[],
  group: number,
): TfTensor {
  const [image, kernel] = [asPlane(tf, x), asPlane(tf, dilate(tf, weight, dilations))]
  const steps = planeSteps(strides)
  const last = tf.transpose(image, [0, 2, 3, 1])
  const isDepthwise = group > 1 && kernel.shape[1] === 1
  if (isDepthwise && steps[0] === steps[1]) {
    const [out, , h, w] = kernel.shape
    const filter = tf.transpose(tf.reshape(kernel, [group, out / group, h, w]), [2, 3, 0, 1])
    return backToRank(tf, tf.depthwiseConv2d(last, filter as Tensor4, steps, 'valid'), x)
  }
  const filters = tf.split(tf.transpose(kernel, [2, 3, 1, 0]), group, 3)
  const parts = tf
    .split(last, group, 3)
    .map((part, i) => tf.conv2d(part as Tensor4, filters[i] as Tensor4, steps, 'valid'))
  return backToRank(tf, parts.length === 1 ? parts[0]! : tf.concat(parts, 3), x)
}

/** The adjoint of a convolution without padding; kernel `[in, out / group, …]`. */
function adjoint(
  tf: Tf,
  x: TfTensor,
  weight: TfTensor,
  strides: readonly number[],
  dilations: readonly number[],
  group: number,
): TfTensor {
  const [image, kernel] = [asPlane(tf, x), asPlane(tf, dilate(tf, weight, dilations))]
  const steps = planeSteps(strides)
  const [, , h, w] = kernel.shape
  const size = [h, w].map((taps, i) => (image.shape[i + 2]! - 1) * steps[i]! + taps)
  const filters = tf.split(tf.transpose(kernel, [2, 3, 1, 0]), group, 3)
  const parts = tf.split(tf.transpose(image, [0, 2, 3, 1]), group, 3).map((part, i) => {
    const shape: [number, number, number, number] = [
      part.shape[0],
      size[0]!,
      size[1]!,
      kernel.shape[1],
    ]
    return tf.conv2dTranspose(part as Tensor4, filters[i] as Tensor4, shape, steps, 'valid')
  })
  return backToRank(tf, parts.length === 1 ? parts[0]! : tf.concat(parts, 3), x)
}

/** `[n, c, w]` as `[n, c, 1, w]`. */
function asPlane(tf: Tf, x: TfTensor): Tensor4 {
  if (x.rank === 4) return x as Tensor4
  return tf.expandDims(x, 2)
}

function planeSteps(strides: readonly number[]): [number, number] {
  return strides.length === 1 ? [1, strides[0]!] : [strides[0]!, strides[1]!]
}

/** From channels last to the order and rank of x. */
function backToRank(tf: Tf, y: TfTensor, x: TfTensor): TfTensor {
  const first = tf.transpose(y, [0, 3, 1, 2])
  return x.rank === 3 ? tf.squeeze(first, [2]) : first
}

/** The kernel with zeros between its taps: TensorFlow.js cannot combine dilations and strides. */
function dilate(tf: Tf, kernel: TfTensor, dilations: readonly number[]): TfTensor {
  return dilations.reduce((current, dilation, i) => {
    if (dilation === 1) return current
    const axis = i + 2
    const { shape } = current
    const size = shape[axis]!
    const open = [...shape.slice(0, axis), size, 1, ...shape.slice(axis + 1)]
    const pads = open.map((_, k): [number, number] => [0, k === axis + 1 ? dilation - 1 : 0])
    const spread = tf.pad(tf.reshape(current, open), pads)
    const merged = tf.reshape(
      spread,
      shape.map((whole, k) => (k === axis ? whole * dilation : whole)),
    )
    return tf.slice(
      merged,
      shape.map(() => 0),
      shape.map((whole, k) => (k === axis ? (size - 1) * dilation + 1 : whole)),
    )
  }, kernel)
}

/** The elements of x at each tap of the window, each `[n, c, …output]`. */
function windowParts(tf: Tf, x: TfTensor, window: SlidingWindow, fill: number): TfTensor[] {
  const { kernel, strides, dilations, begin, input: size, output } = window
  const reach = output.map(
    (length, i) => (length - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1,
  )
  const after = reach.map((length, i) => Math.max(0, length - begin[i]! - size[i]!))
  const padded = padSpatial(tf, x, begin, after, fill)
  const taps = kernel.reduce<number[][]>(
    (found, length) => found.flatMap((tap) => Array.from({ length }, (_, k) => [...tap, k])),
    [[]],
  )
  return taps.map((tap) => {
    const from = tap.map((k, i) => k * dilations[i]!)
    const to = from.map((start, i) => start + (output[i]! - 1) * strides[i]! + 1)
    const [n, c] = x.shape as [number, number]
    return tf.stridedSlice(padded, [0, 0, ...from], [n, c, ...to], [1, 1, ...strides])
  })
}

/** The window on an input that is padded already. */
function unpadded(window: SlidingWindow): SlidingWindow {
  const none = window.begin.map(() => 0)
  const sizes = window.input.map((size, i) => window.begin[i]! + size + window.end[i]!)
  return { ...window, begin: none, end: none, input: sizes }
}

/**
 * `[1, 1, …]`: the index of each place in its plane, as float32. The back-end `wasm` returns strided
 * slices of integers as float32.
 */
function planePlaces(tf: Tf, sizes: readonly number[], isColumnFirst: boolean): TfTensor {
  const places = tf.reshape(
    tf.cast(coordinates(tf, sizeOf(sizes), 0, 1), 'float32'),
    isColumnFirst ? sizes.toReversed() : [...sizes],
  )
  const order = sizes.map((_, i) => sizes.length - 1 - i)
  const ordered = isColumnFirst ? tf.transpose(places, order) : places
  return tf.reshape(ordered, [1, 1, ...sizes])
}
