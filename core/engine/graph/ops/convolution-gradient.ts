/** The derivatives of a convolution in the forms that are fastest in onnxruntime. */
import { sizeOf } from '../../tensor/tensor.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'
import { all, coversInput, hasFewPositions, type SlidingWindow } from './sliding-window.ts'

/**
 * The gradient of the input `[n, c, …]` from that of the output `[n, o, …]`. At stride 1 it is a
 * convolution with the flipped kernel and swapped channel axes; onnxruntime computes a constant
 * kernel once, when it loads the graph. Otherwise, and where the output has much fewer positions
 * than the input, it is a transposed convolution. Where a kernel covers the input, it is a product
 * of matrices.
 */
export function inputGradient(
  g: Builder,
  dy: Value,
  weight: Value,
  window: SlidingWindow,
  group: number,
): Value {
  const { kernel, strides, dilations, begin, end, input, output } = window
  if (coversInput(window)) return denseInputGradient(g, dy, weight, group)
  if (!all(strides, 1) || hasFewPositions(window)) {
    const rest = input.map(
      (size, i) =>
        size -
        ((output[i]! - 1) * strides[i]! +
          (kernel[i]! - 1) * dilations[i]! +
          1 -
          begin[i]! -
          end[i]!),
    )
    return g.convTranspose(dy, weight, {
      strides,
      dilations,
      pads: [...begin, ...end],
      output_padding: rest,
      group,
    })
  }
  const reach = kernel.map((size, i) => (size - 1) * dilations[i]!)
  const wanted = [
    ...begin.map((pad, i) => reach[i]! - pad),
    ...end.map((pad, i) => reach[i]! - pad),
  ]
  const crops = wanted.map((pad) => Math.min(pad, 0))
  const axes = kernel.length
  const source = all(crops, 0)
    ? dy
    : g.pad(dy, [0, 0, ...crops.slice(0, axes), 0, 0, ...crops.slice(axes)])
  return g.conv(source, flipKernel(g, weight, group), null, {
    pads: wanted.map((pad) => Math.max(pad, 0)),
    dilations,
    group,
  })
}

/** dy `[n, o, 1, …]` times the kernel as a matrix per group `[o / group, c / group·positions]`. */
function denseInputGradient(g: Builder, dy: Value, weight: Value, group: number): Value {
  const [out, inside, ...kernel] = weight.shape as number[]
  const columns = inside! * sizeOf(kernel)
  const shape = [-1, group * inside!, ...kernel]
  if (group === 1) {
    const matrix = g.reshape(weight, [out!, columns])
    return g.reshape(g.matMul(g.reshape(dy, [-1, out!]), matrix), shape)
  }
  if (out === group) {
    const perGroup = g.reshape(weight, [group, columns])
    return g.reshape(g.mul(g.reshape(dy, [-1, group, 1]), perGroup), shape)
  }
  const rows = g.transpose(g.reshape(dy, [-1, group, out! / group]), [1, 0, 2])
  const product = g.matMul(rows, g.reshape(weight, [group, out! / group, columns]))
  return g.reshape(g.transpose(product, [1, 0, 2]), shape)
}

/** `[o, c / group, …k]` to `[c, o / group, …k]`, each spatial axis reversed. */
function flipKernel(g: Builder, weight: Value, group: number): Value {
  const [out, inside, ...kernel] = weight.shape as number[]
  const long = kernel.flatMap((size, i) => (size > 1 ? [{ size, axis: i + 2 }] : []))
  const flipped =
    long.length === 0
      ? weight
      : g.slice(
          weight,
          long.map(({ size }) => size - 1),
          long.map(({ size }) => -size - 1),
          long.map(({ axis }) => axis),
          long.map(() => -1),
        )
  const spatial = kernel.map((_, i) => i + 3)
  const apart = g.reshape(flipped, [group, out! / group, inside!, ...kernel])
  return g.reshape(g.transpose(apart, [0, 2, 1, ...spatial]), [
    group * inside!,
    out! / group,
    ...kernel,
  ])
}

/**
 * The gradient of the kernel `[o, c / group, …]`: per tap one slice of the padded input and one
 * product `[o, n·positions] × [n·positions, c]`. On CPUs faster than one transposed convolution,
 * and than unfolding all patches.
 */
export function kernelGradient(
  g: Builder,
  x: Value,
  dy: Value,
  shape: readonly number[],
  window: SlidingWindow,
  group: number,
): Value {
  const { kernel, strides, dilations, begin, end, input, output } = window
  const spatial = kernel.map((_, i) => i + 2)
  const [out, inside] = shape as [number, number]
  if (coversInput(window) && group === 1) {
    const matrix = g.reshape(x, [-1, inside * sizeOf(kernel)])
    const rows = g.transpose(g.reshape(dy, [-1, out]), [1, 0])
    return g.reshape(g.matMul(rows, matrix), shape)
  }
  const padded = g.pad(x, [0, 0, ...begin, 0, 0, ...end])
  const channelsLast = g.transpose(padded, [0, ...spatial, 1])
  const rows = g.reshape(
    g.transpose(dy, [1, 0, ...spatial]),
    group === 1 ? [out, -1] : [group, out / group, -1],
  )
  const products = tapsOf(kernel).map((tap) => {
    const starts = tap.map((k, i) => k * dilations[i]!)
    const ends = starts.map((start, i) => start + (output[i]! - 1) * strides[i]! + 1)
    const whole = starts.every(
      (start, i) => start === 0 && ends[i] === input[i]! + begin[i]! + end[i]!,
    )
    const cut =
      whole && all(strides, 1)
        ? channelsLast
        : g.slice(
            channelsLast,
            starts,
            ends,
            kernel.map((_, i) => i + 1),
            strides,
          )
    if (group === 1) return g.matMul(rows, g.reshape(cut, [-1, inside]))
    const columns = g.transpose(g.reshape(cut, [-1, group, inside]), [1, 0, 2])
    return g.reshape(g.matMul(rows, columns), [out, inside])
  })
  if (products.length === 1) return g.reshape(products[0]!, shape)
  const stacked = g.concat(
    products.map((product) => g.unsqueeze(product, [2])),
    2,
  )
  return g.reshape(stacked, shape)
}

/** All positions in a kernel, the last axis fastest. */
function tapsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (taps, size) => taps.flatMap((tap) => Array.from({ length: size }, (_, k) => [...tap, k])),
    [[]],
  )
}
