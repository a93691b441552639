/** Sliding windows of convolution and pooling. */
import { numberOf, numbersOf, shapeError, sizesOf, textOf, type Call } from '../operator-call.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import type { Builder } from '../builder.ts'
import type { Dim } from '../dim.ts'
import type { Value } from '../value.ts'

/** A window with all sizes resolved; every list has one number per spatial axis. */
export interface SlidingWindow {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** Padding before and after. */
  readonly begin: readonly number[]
  readonly end: readonly number[]
  readonly input: readonly number[]
  readonly output: readonly number[]
}

/**
 * Resolves strides, dilations, pads and auto_pad.
 * @param shape `[n, c, …spatial]`
 */
export function resolveWindow(
  call: Call,
  shape: readonly Dim[],
  kernel: readonly number[],
): SlidingWindow {
  const input = sizesOf(call, shape, 2)
  if (input.length !== kernel.length || input.length === 0) {
    throw shapeError(
      call,
      `a kernel over ${kernel.length} axes does not fit an input of rank ${shape.length}`,
    )
  }
  const strides = numbersOf(call, 'strides') ?? kernel.map(() => 1)
  const dilations = numbersOf(call, 'dilations') ?? kernel.map(() => 1)
  const ceil = 'ceil_mode' in call.attributes && numberOf(call, 'ceil_mode') === 1
  const mode = textOf(call, 'auto_pad')
  const pads = numbersOf(call, 'pads') ?? kernel.flatMap(() => [0, 0])
  const begin: number[] = []
  const end: number[] = []
  const output: number[] = []
  for (const [i, size] of input.entries()) {
    const extent = (kernel[i]! - 1) * dilations[i]! + 1
    const stride = strides[i]!
    let [before, after] = mode === 'NOTSET' ? [pads[i]!, pads[i + kernel.length]!] : [0, 0]
    if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') {
      const needed = Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size)
      const half = Math.floor(needed / 2)
      ;[before, after] = mode === 'SAME_UPPER' ? [half, needed - half] : [needed - half, half]
    }
    let steps = (size + before + after - extent) / stride
    steps = ceil ? Math.ceil(steps) : Math.floor(steps)
    // With ceil_mode, a last window that would start in the padding is dropped (opset 19,
    // onnxruntime).
    if (ceil && steps * stride >= size + before) steps -= 1
    if (steps < 0)
      throw shapeError(call, `a kernel of ${extent} does not fit into ${size + before + after}`)
    begin.push(before)
    end.push(after)
    output.push(steps + 1)
  }
  return { kernel, strides, dilations, begin, end, input, output }
}

/**
 * The sum over each window, padding counted as 0.
 * @param x `[n, c, …spatial]`
 */
export function windowSums(g: Builder, x: Value, window: SlidingWindow): Value {
  const { kernel, strides, dilations, begin, end, input, output } = window
  const ones = g.floats(
    [1, 1, ...kernel],
    Array.from({ length: sizeOf(kernel) }, () => 1),
  )
  // With ceil_mode the last window may extend beyond the padding.
  const over = output.map((length, i) => {
    const reach = (length - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1
    return Math.max(0, reach - begin[i]! - input[i]! - end[i]!)
  })
  const pads = [...begin, ...end.map((pad, i) => pad + over[i]!)]
  const single = g.reshape(x, [-1, 1, ...input])
  const sums = g.conv(single, g.cast(ones, x.dtype), null, { strides, dilations, pads })
  return g.reshape(sums, [-1, x.shape[1] as number, ...output])
}

/** Whether one window without padding is the whole input: a dense layer. */
export function coversInput({ kernel, begin, end, input, output }: SlidingWindow): boolean {
  return (
    all([...begin, ...end], 0) && all(output, 1) && kernel.every((size, i) => size === input[i])
  )
}

/**
 * Whether the windows have so few positions, as those of large kernels, that a convolution over
 * the positions of the input would cost several times as much.
 */
export function hasFewPositions({ input, output }: SlidingWindow): boolean {
  return sizeOf(input) > 4 * sizeOf(output)
}

/** Whether all numbers equal `value`. */
export function all(numbers: readonly number[], value: number): boolean {
  return numbers.every((number) => number === value)
}
