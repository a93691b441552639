/** Pooling over sliding windows. */
import { float32, sizeOf } from '../../tensor/tensor.ts'
import { elementsOf } from '../builder.ts'
import { defineOp, int, ints, text, type SampleInput } from '../operator.ts'
import { inputOf, numberOf, numbersOf, shapeError, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'
import { enterBlocked, isBlocked } from './blocked.ts'
import { interleave } from './polyphase.ts'
import { all, resolveWindow, windowSums, type SlidingWindow } from './sliding-window.ts'

const attributes = {
  auto_pad: text('NOTSET'),
  ceil_mode: int(0),
  dilations: ints(),
  kernel_shape: ints(),
  pads: ints(),
  strides: ints(),
}

/** Values far apart, so that no small step changes the maximum. */
const apart = (shape: readonly number[]): SampleInput => ({ shape, low: -20, high: 20 })

/** On ties, the gradient goes to the element that onnxruntime reports as the maximum, the first. */
export const MaxPool = defineOp({
  op: 'MaxPool',
  attributes: { ...attributes, storage_order: int(0) },
  optionalOutputs: true,
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const pooled = [shape[0]!, shape[1]!, ...windowOf(call).output]
    return [
      { dtype, shape: pooled },
      { dtype: 'int64', shape: pooled },
    ]
  },
  vjp: (g, call, [dy]) => {
    if (!dy) return [null]
    const inputs = [call.inputs[0]!, call.outputs[0]!, dy]
    // Indices with storage_order = 1 count columns first, which is not the order of the tensor.
    return g.op('MaxPoolGradient', inputs, { ...call.attributes, storage_order: 0 })
  },
  samples: [
    { inputs: [apart([2, 3, 6, 6])], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    {
      inputs: [apart([1, 2, 7, 7])],
      attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
    },
    {
      inputs: [apart([1, 2, 6, 7])],
      attributes: { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1 },
    },
    {
      inputs: [apart([2, 2, 4, 6])],
      attributes: { kernel_shape: [2, 2], strides: [2, 2], storage_order: 1 },
    },
  ],
})

/**
 * The gradient of the input x of a MaxPool with these attributes from x, the output y, and the
 * gradient of y. Not an ONNX operator; files contain its lowered form.
 */
export const MaxPoolGradient = defineOp({
  op: 'MaxPoolGradient',
  attributes: MaxPool.attributes,
  infer: ({ inputs: [x] }) => [{ dtype: x!.dtype, shape: x!.shape }],
  vjp: (g, call, [ddx]) => {
    const dy = call.inputs[2]
    const indices = g.reshape(indicesOf(g, call), [-1])
    const chosen = g.op('GatherElements', [g.reshape(ddx!, [-1]), indices], { axis: 0 })[0]!
    return [null, null, g.reshapeLike(chosen, dy!)]
  },
  // Each index is that of a maximum in the flat tensor: add the gradient there.
  lower: (g, call) => {
    const [x, y, dy] = call.inputs as readonly Value[]
    if (isBlocked(x!) && isTwoByTwo(call)) return [poolGradientByPhases(g, x!, y!, dy!)]
    const zeros = g.reshape(g.zerosLike(x!), [-1])
    const updates = [g.reshape(indicesOf(g, call), [-1]), g.reshape(dy!, [-1])]
    const flat = g.op('ScatterElements', [zeros, ...updates], { axis: 0, reduction: 'add' })
    return [g.reshapeLike(flat[0]!, x!)]
  },
  samples: [
    {
      inputs: [apart([1, 2, 4, 6]), apart([1, 2, 2, 3]), [1, 2, 2, 3]],
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    },
  ],
})

function indicesOf(g: Builder, call: Call): Value {
  return g.op('MaxPool', [call.inputs[0]!], call.attributes)[1]!
}

/** Whether windows of 2×2 cover the image without overlap. */
function isTwoByTwo(call: Call): boolean {
  const { kernel, strides, dilations, begin, end, input, output } = windowOf(call)
  return (
    all([...kernel, ...strides], 2) &&
    all(dilations, 1) &&
    all([...begin, ...end], 0) &&
    input.every((size, i) => size === 2 * output[i]!)
  )
}

/**
 * The gradient of 2×2 maxima in the blocked layout. Depthwise convolutions take the four elements of
 * each window apart. An element is a maximum if y − x = 0; the first one in a window keeps the
 * gradient. Exact except for differences below 2⁻¹²⁷.
 */
function poolGradientByPhases(g: Builder, x: Value, y: Value, dy: Value): Value {
  const channels = x.shape[1] as number
  const gradient = enterBlocked(g, dy)
  let earlier: Value | undefined
  const shares = [0, 1, 2, 3].map((place) => {
    const taps = [0, 1, 2, 3].map((tap) => (tap === place ? -1 : 0))
    const kernel = perChannel(g, channels, taps, [2, 2])
    const below = g.add(g.conv(x, kernel, null, { strides: [2, 2], group: channels }), y)
    const isMaximum = g.op('HardSigmoid', [below], { alpha: -(2 ** 127), beta: 1 })[0]!
    const isFirst = earlier ? g.relu(g.add(negative(g, earlier), isMaximum)) : isMaximum
    earlier = earlier ? g.add(earlier, isMaximum) : isMaximum
    return g.mul(isFirst, gradient)
  })
  const rows = [g.concat(shares.slice(0, 2), 1), g.concat(shares.slice(2), 1)]
  return interleave(g, { rows, strides: [2, 2], size: x.shape.slice(2) as number[], channels })
}

/** −x in the blocked layout, fused with an addition. */
function negative(g: Builder, x: Value): Value {
  const channels = x.shape[1] as number
  return g.conv(x, perChannel(g, channels, [-1], [1, 1]), null, { group: channels })
}

/** The same kernel for each channel of a depthwise convolution. */
function perChannel(
  g: Builder,
  channels: number,
  taps: readonly number[],
  size: readonly number[],
): Value {
  const all = Array.from({ length: channels }, () => taps).flat()
  return g.floats([channels, 1, ...size], all)
}

export const AveragePool = defineOp({
  op: 'AveragePool',
  // Dilations exist since opset 19.
  upgrade: (g, call) => {
    const { dilations, ...attributes } = call.attributes
    const isDense = !Array.isArray(dilations) || all(dilations as number[], 1)
    if (isDense) return { inputs: call.inputs, attributes }
    const defaults = { auto_pad: 'NOTSET', ceil_mode: 0, count_include_pad: 0 }
    const dilated = { ...call, attributes: { ...defaults, ...call.attributes } }
    const window = windowOf(dilated)
    const sums = windowSums(g, inputOf(call, 0), window)
    return [g.div(sums, counts(g, dilated, window))]
  },
  attributes: {
    auto_pad: text('NOTSET'),
    ceil_mode: int(0),
    count_include_pad: int(0),
    kernel_shape: ints(),
    pads: ints(),
    strides: ints(),
  },
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    return [{ dtype, shape: [shape[0]!, shape[1]!, ...windowOf(call).output] }]
  },
  // Each window distributes its gradient evenly over the elements it counts.
  vjp: (g, call, [dy]) => {
    const x = call.inputs[0]!
    const window = windowOf(call)
    const shares = g.div(dy!, counts(g, call, window))
    const { kernel, strides, begin, end, input, output } = window
    const channels = x.shape[1] as number
    const tiled =
      all(begin, 0) &&
      all(end, 0) &&
      kernel.every((size, i) => size === strides[i] && input[i] === size * output[i]!)
    if (tiled) return [g.reshapeLike(repeat(g, shares, kernel, x), x)]
    const single = g.reshape(shares, [-1, 1, ...output])
    const ones = g.floats(
      [1, 1, ...kernel],
      Array.from({ length: sizeOf(kernel) }, () => 1),
    )
    const rest = input.map(
      (size, i) => size - ((output[i]! - 1) * strides[i]! + kernel[i]! - begin[i]! - end[i]!),
    )
    // With ceil_mode the last window may extend beyond the end: pad more, so that the surplus is
    // cropped.
    const over = rest.map((size) => Math.max(0, -size))
    const dx = g.convTranspose(single, ones, {
      strides,
      pads: [...begin, ...end.map((pad, i) => pad + over[i]!)],
      output_padding: rest.map((size) => Math.max(0, size)),
    })
    return [g.reshape(dx, [-1, channels, ...input])]
  },
  samples: [
    { inputs: [[2, 3, 6, 6]], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    {
      inputs: [[1, 2, 7, 7]],
      attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
    },
    {
      inputs: [[1, 2, 7, 7]],
      attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 },
    },
    { inputs: [[1, 2, 5, 5]], attributes: { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 } },
  ],
})

export const GlobalAveragePool = defineOp({
  op: 'GlobalAveragePool',
  attributes: {},
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: globalShape(call) }],
  vjp: (g, { inputs: [x] }, [dy]) => {
    const size = elementsOf(x!.shape.slice(2)) as number
    // [n·c, 1] × [1, positions] is faster than broadcasting.
    const share = g.floats(
      [1, size],
      Array.from({ length: size }, () => 1 / size),
    )
    return [g.reshapeLike(g.matMul(g.reshape(dy!, [-1, 1]), g.cast(share, x!.dtype)), x!)]
  },
  samples: [{ inputs: [[2, 3, 4, 5]] }],
})

export const GlobalMaxPool = defineOp({
  op: 'GlobalMaxPool',
  attributes: {},
  infer: (call) => [{ dtype: inputOf(call, 0).dtype, shape: globalShape(call) }],
  vjp: (g, { inputs: [x], outputs: [y] }, [dy]) => {
    const ties = g.cast(g.equal(x!, y!), x!.dtype)
    const axes = x!.shape.flatMap((_, axis) => (axis > 1 ? [axis] : []))
    return [g.mul(dy!, g.div(ties, g.reduceSum(ties, axes, true)))]
  },
  samples: [{ inputs: [[2, 3, 4, 5]] }],
})

function windowOf(call: Call): SlidingWindow {
  const kernel = numbersOf(call, 'kernel_shape')
  if (!kernel) throw shapeError(call, 'attribute "kernel_shape" is missing')
  return resolveWindow(call, inputOf(call, 0).shape, kernel)
}

function globalShape(call: Call): ReturnType<() => (number | string)[]> {
  const { shape } = inputOf(call, 0)
  return shape.map((dim, axis) => (axis < 2 ? dim : 1))
}

/** The number of elements that each window counts, `[1, 1, …output]`. */
function counts(g: Builder, call: Call, window: SlidingWindow): Value {
  const padded = numberOf(call, 'count_include_pad') === 1
  const perAxis = window.output.map((length, i) =>
    Array.from({ length }, (_, o) => {
      const start = o * window.strides[i]! - window.begin[i]!
      const [low, high] = padded
        ? [-window.begin[i]!, window.input[i]! + window.end[i]!]
        : [0, window.input[i]!]
      const places = Array.from(
        { length: window.kernel[i]! },
        (_, k) => start + k * window.dilations[i]!,
      )
      return places.filter((place) => place >= low && place < high).length
    }),
  )
  const values = perAxis.reduce<number[]>(
    (all, axis) => all.flatMap((count) => axis.map((more) => count * more)),
    [1],
  )
  return g.constant(float32([1, 1, ...window.output], values))
}

/** Repeats each element over its window: `[n, c, h, w]` to `[n, c, h, k, w, k]`. */
function repeat(g: Builder, x: Value, kernel: readonly number[], like: Value): Value {
  const open = g.unsqueeze(
    x,
    kernel.map((_, i) => 3 + 2 * i),
  )
  const spatial = (like.shape.slice(2) as number[]).flatMap((size, i) => [
    size / kernel[i]!,
    kernel[i]!,
  ])
  return g.op('Expand', [open, g.integers([1, 1, ...spatial])])[0]!
}
