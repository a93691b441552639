/**
 * Convolution and transposed convolution. Layout `[n, channels, …spatial]`, kernels `[out, in /
 * group, …]`.
 */
import { formatShape } from '../dim.ts'
import { defineOp, int, ints, text } from '../operator.ts'
import {
  inputOf,
  numberOf,
  numbersOf,
  shapeError,
  sizesOf,
  textOf,
  type Call,
} from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'
import { all, coversInput, resolveWindow, type SlidingWindow } from './sliding-window.ts'
import { convolveColumns } from './blocked.ts'
import { lowerTransposedConvolution } from './polyphase.ts'
import { inputGradient, kernelGradient } from './convolution-gradient.ts'

const attributes = {
  auto_pad: text('NOTSET'),
  dilations: ints(),
  group: int(1),
  kernel_shape: ints(),
  pads: ints(),
  strides: ints(),
}

export const Conv = defineOp({
  op: 'Conv',
  attributes,
  infer: (call) => {
    const [x, weight] = [inputOf(call, 0), inputOf(call, 1)]
    const channels = sizesOf(call, weight.shape)[1]! * numberOf(call, 'group')
    if (typeof x.shape[1] === 'number' && x.shape[1] !== channels) {
      throw shapeError(
        call,
        `an input of ${formatShape(x.shape)} has ${x.shape[1]} channels, ` +
          `but the kernel ${formatShape(weight.shape)} ` +
          `in ${numberOf(call, 'group')} group(s) expects ${channels}`,
      )
    }
    // A single tap fits any sizes, known or not.
    const spatial = isPointwise(call) ? x.shape.slice(2) : windowOf(call).output
    return [{ dtype: x.dtype, shape: [x.shape[0]!, weight.shape[0]!, ...spatial] }]
  },
  vjp: (g, call, [dy]) => {
    const [x, weight, bias] = call.inputs
    const window = windowOf(call)
    const group = numberOf(call, 'group')
    return [
      call.wanted[0] ? inputGradient(g, dy!, weight!, window, group) : null,
      call.wanted[1] ? deferredKernelGradient(g, x!, dy!, window, group) : null,
      bias && call.wanted[2] ? g.reduceSum(dy!, spatialAxes(dy!)) : null,
    ]
  },
  lower: (g, call) => {
    const y = denseLayer(g, call) ?? convolveColumns(g, call)
    return y && [y]
  },
  samples: [
    { inputs: [[2, 3, 4, 5], [6, 3, 4, 5], [6]] },
    {
      inputs: [
        [2, 4, 3, 3],
        [6, 2, 3, 3],
      ],
      attributes: { group: 2 },
    },
    {
      inputs: [
        [2, 3, 4],
        [3, 1, 4],
      ],
      attributes: { group: 3 },
    },
    {
      inputs: [
        [2, 2, 9, 8],
        [3, 2, 8, 7],
      ],
    },
    { inputs: [[2, 3, 5, 6], [4, 3, 3, 3], [4]], attributes: { pads: [1, 1, 1, 1] } },
    {
      inputs: [
        [2, 3, 7, 8],
        [4, 3, 3, 3],
      ],
      attributes: { pads: [1, 1, 1, 1], strides: [2, 2] },
    },
    {
      inputs: [
        [1, 3, 8, 8],
        [4, 3, 1, 1],
      ],
      attributes: { strides: [2, 2] },
    },
    {
      inputs: [
        [2, 2, 8, 7],
        [2, 2, 4, 5],
      ],
      attributes: { pads: [2, 0, 1, 3], strides: [3, 3] },
    },
    {
      inputs: [
        [1, 2, 9, 9],
        [2, 2, 3, 3],
      ],
      attributes: { dilations: [2, 2], pads: [2, 2, 2, 2] },
    },
    {
      inputs: [
        [1, 2, 9, 9],
        [2, 2, 3, 3],
      ],
      attributes: { dilations: [2, 2], strides: [2, 2] },
    },
    {
      inputs: [
        [2, 4, 6, 6],
        [6, 2, 3, 3],
      ],
      attributes: { group: 2, pads: [1, 1, 1, 1], strides: [2, 2] },
    },
    {
      inputs: [
        [1, 4, 5, 5],
        [4, 1, 3, 3],
      ],
      attributes: { group: 4, pads: [1, 1, 1, 1] },
    },
    {
      inputs: [
        [1, 2, 7, 7],
        [3, 2, 3, 3],
      ],
      attributes: { auto_pad: 'SAME_UPPER', strides: [2, 2] },
    },
    {
      inputs: [
        [1, 2, 7, 8],
        [3, 2, 2, 3],
      ],
      attributes: { strides: [1, 2] },
    },
    {
      inputs: [
        [1, 2, 5, 5],
        [2, 2, 3, 3],
      ],
      attributes: { pads: [3, 3, 3, 3] },
    },
    {
      inputs: [
        [2, 2, 9],
        [3, 2, 3],
      ],
      attributes: { strides: [2], pads: [1, 0] },
    },
  ],
})

/**
 * The gradient of the kernel of a Conv with these attributes: inputs x `[n, c, …]` and the gradient
 * `[n, o, …]` of the output, to `[o, c / group, …kernel]`. Not an ONNX operator; files contain
 * `kernelGradient`.
 */
export const ConvKernelGradient = defineOp({
  op: 'ConvKernelGradient',
  attributes: { ...attributes, kernel_shape: ints([]) },
  infer: (call) => {
    const [x, dy] = [inputOf(call, 0), inputOf(call, 1)]
    const inside = sizesOf(call, x.shape, 1)[0]! / numberOf(call, 'group')
    const shape = [sizesOf(call, dy.shape, 1)[0]!, inside, ...numbersOf(call, 'kernel_shape')!]
    return [{ dtype: x.dtype, shape }]
  },
  vjp: (g, call, [dw]) => {
    const [x, dy] = call.inputs
    const window = kernelGradientWindow(call)
    const group = numberOf(call, 'group')
    return [
      call.wanted[0] ? inputGradient(g, dy!, dw!, window, group) : null,
      call.wanted[1] ? convolve(g, x!, dw!, window, group) : null,
    ]
  },
  lower: (g, call) => {
    const [x, dy] = call.inputs
    const window = kernelGradientWindow(call)
    const group = numberOf(call, 'group')
    const shape = [dy!.shape[1], (x!.shape[1] as number) / group, ...window.kernel] as number[]
    return [kernelGradient(g, x!, dy!, shape, window, group)]
  },
  samples: [
    {
      inputs: [
        [2, 3, 7, 8],
        [2, 4, 4, 4],
      ],
      attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] },
    },
  ],
})

/** The window of the convolution whose kernel gradient this is. */
export function kernelGradientWindow(call: Call): SlidingWindow {
  return resolveWindow(call, inputOf(call, 0).shape, numbersOf(call, 'kernel_shape')!)
}

/** The kernel gradient as an operator, which sessions compute in the fastest form. */
function deferredKernelGradient(
  g: Builder,
  x: Value,
  dy: Value,
  { kernel, strides, dilations, begin, end }: SlidingWindow,
  group: number,
): Value {
  return g.op('ConvKernelGradient', [x, dy], {
    kernel_shape: kernel,
    strides,
    dilations,
    pads: [...begin, ...end],
    group,
  })[0]!
}

/** The adjoint of Conv with respect to its input; kernel [in, out / group, …]. */
export const ConvTranspose = defineOp({
  op: 'ConvTranspose',
  attributes: { ...attributes, output_padding: ints(), output_shape: ints() },
  infer: (call) => {
    const [x, weight] = [inputOf(call, 0), inputOf(call, 1)]
    const channels = sizesOf(call, weight.shape)[1]! * numberOf(call, 'group')
    return [{ dtype: x.dtype, shape: [x.shape[0]!, channels, ...transposedWindow(call).input] }]
  },
  vjp: (g, call, [dy]) => {
    const [x, weight, bias] = call.inputs
    const window = transposedWindow(call)
    const group = numberOf(call, 'group')
    return [
      call.wanted[0] ? convolve(g, dy!, weight!, window, group) : null,
      call.wanted[1] ? kernelGradient(g, dy!, x!, weight!.shape as number[], window, group) : null,
      bias && call.wanted[2] ? g.reduceSum(dy!, spatialAxes(dy!)) : null,
    ]
  },
  lower: (g, call) => lowerTransposedConvolution(g, call, transposedWindow(call)),
  samples: [
    {
      inputs: [[2, 3, 4, 5], [3, 2, 3, 3], [2]],
      attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
    },
    {
      inputs: [
        [1, 4, 4, 4],
        [4, 2, 3, 3],
      ],
      attributes: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1], group: 2 },
    },
    {
      inputs: [
        [1, 2, 3, 3],
        [2, 3, 2, 2],
      ],
      attributes: { dilations: [2, 2] },
    },
    // Less padding than sizes need, as much, and sizes beyond all windows.
    ...[
      { auto_pad: 'SAME_UPPER', strides: [2, 3] },
      { auto_pad: 'SAME_LOWER', strides: [2, 1] },
      { auto_pad: 'SAME_LOWER', strides: [3, 2], output_padding: [0, 1] },
      { auto_pad: 'VALID', strides: [2, 2] },
      { output_shape: [6, 8], strides: [2, 2] },
      { output_shape: [6, 8], strides: [2, 2], auto_pad: 'SAME_UPPER' },
      { output_shape: [9, 9], strides: [2, 2] },
    ].map((attributes) => ({
      inputs: [
        [1, 2, 3, 4],
        [2, 3, 4, 3],
      ],
      attributes,
    })),
  ],
})

/** Whether the kernel has one tap, stride 1 and no padding. */
function isPointwise(call: Call): boolean {
  const kernel = sizesOf(call, inputOf(call, 1).shape, 2)
  return (
    kernel.length === inputOf(call, 0).shape.length - 2 &&
    all([...kernel, ...(numbersOf(call, 'strides') ?? [])], 1) &&
    all(numbersOf(call, 'pads') ?? [], 0)
  )
}

/** A kernel that covers the image as a product of matrices, which is several times as fast. */
function denseLayer(g: Builder, call: Call): Value | undefined {
  const [x, weight, bias] = call.inputs as readonly [Value, Value, (Value | null)?]
  if (isPointwise(call) || numberOf(call, 'group') !== 1) return undefined
  if (!coversInput(windowOf(call))) return undefined
  const [out, ...rest] = weight.shape as number[]
  const row = rest.reduce((size, dim) => size * dim, 1)
  const product = g.gemm(g.reshape(x, [-1, row]), g.reshape(weight, [out!, row]), bias ?? null, {
    transB: 1,
  })
  return g.reshape(product, [-1, out!, ...rest.slice(1).map(() => 1)])
}

function windowOf(call: Call): SlidingWindow {
  return resolveWindow(call, inputOf(call, 0).shape, sizesOf(call, inputOf(call, 1).shape, 2))
}

/** The window of the convolution whose adjoint this is: its input is our output. */
function transposedWindow(call: Call): SlidingWindow {
  const small = sizesOf(call, inputOf(call, 0).shape, 2)
  const kernel = sizesOf(call, inputOf(call, 1).shape, 2)
  return resolveTransposed(call, small, kernel)
}

/** The window of a ConvTranspose: `small` and `kernel` are sizes without batch and channels. */
export function resolveTransposed(
  call: Parameters<typeof numbersOf>[0] & Parameters<typeof textOf>[0],
  small: readonly number[],
  kernel: readonly number[],
): SlidingWindow {
  const ones = kernel.map(() => 1)
  const strides = numbersOf(call, 'strides') ?? ones
  const dilations = numbersOf(call, 'dilations') ?? ones
  const extra = numbersOf(call, 'output_padding') ?? ones.map(() => 0)
  const stated = numbersOf(call, 'output_shape')
  const mode = textOf(call, 'auto_pad')
  const isSame = mode === 'SAME_UPPER' || mode === 'SAME_LOWER'
  const pads = mode === 'NOTSET' ? numbersOf(call, 'pads') : undefined
  const begin: number[] = []
  const end: number[] = []
  const input = small.map((size, i) => {
    const stride = strides[i]!
    const full = (size - 1) * stride + extra[i]! + (kernel[i]! - 1) * dilations[i]! + 1
    // Sizes that are stated, or follow from the mode, decide the padding.
    const wanted = stated?.[i] ?? (isSame ? size * stride : undefined)
    const total = Math.max(0, full - (wanted ?? full))
    const half = Math.floor(total / 2)
    const first = mode === 'SAME_UPPER' ? half : total - half
    const [before, after] =
      wanted === undefined
        ? [pads?.[i] ?? 0, pads?.[i + kernel.length] ?? 0]
        : [first, total - first]
    begin.push(before)
    end.push(after)
    return stated?.[i] ?? full - before - after
  })
  return {
    kernel,
    strides,
    dilations,
    begin,
    end,
    input,
    output: small,
  }
}

function convolve(
  g: Builder,
  x: Value,
  weight: Value,
  window: SlidingWindow,
  group: number,
): Value {
  const { strides, dilations, begin, end } = window
  const y = g.conv(x, weight, null, { strides, dilations, pads: [...begin, ...end], group })
  // Rows of x that no window covers may add a window at the end, which is not part of the output.
  const cut = window.output.map((size, i) => (y.shape[i + 2] as number) - size)
  return all(cut, 0) ? y : g.pad(y, [0, 0, ...cut.map(() => 0), 0, 0, ...cut.map((size) => -size)])
}

function spatialAxes(x: Value): number[] {
  return x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
}
