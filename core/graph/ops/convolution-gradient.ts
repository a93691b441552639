/** The two derivatives of a convolution, in the forms that onnxruntime runs fastest. */
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'
import { all, type Window } from './window.ts'

/**
 * The gradient of the input `[n, c, …]` from that of the output `[n, o, …]`.
 *
 * With stride s, input position i = s·q + r of phase r receives Σₖ w[k]·dy[(i + pad − k)/s] over the
 * kernel taps k ≡ i + pad (mod s). So each phase is an ordinary convolution of dy with every s-th
 * tap, flipped; all phases are done by one convolution with s·s times the channels, and
 * DepthToSpace puts them side by side. For s = 1 that is the flipped kernel alone. With constant
 * weights onnxruntime prepares the kernel once, at load.
 *
 * Dilated and strided at once, or strided unlike along the axes: ConvTranspose.
 */
export function inputGradient(g: Builder, dy: Value, weight: Value, window: Window, group: number): Value {
  const { kernel, strides, dilations, begin, end, input, output } = window
  const [stride] = strides
  const strided = !all(strides, 1)
  const phased = strided && all(dilations, 1) && kernel.length === 2 && all(strides, stride!)
  if (strided && !phased) {
    const rest = input.map(
      (size, i) => size - ((output[i]! - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - begin[i]! - end[i]!),
    )
    return g.convTranspose(dy, weight, { strides, dilations, pads: [...begin, ...end], output_padding: rest, group })
  }
  const axes = kernel.map((_, i) => phaseTaps(kernel[i]!, strides[i]!, begin[i]!, dilations[i]!))
  const phases = rearrangeKernel(g, weight, axes.map(({ indices }) => indices), strides, group)
  // dy[q + lowest + t·dilation] for taps t, at q = 0 … ⌈input / stride⌉ − 1.
  const before = axes.map(({ lowest }) => -lowest)
  const after = axes.map(
    ({ taps }, i) => Math.ceil(input[i]! / strides[i]!) - output[i]! - before[i]! + (taps - 1) * dilations[i]!,
  )
  const crops = [...before, ...after].some((pad) => pad < 0)
  const source = crops
    ? g.pad(dy, [0, 0, ...before.map((pad) => Math.min(pad, 0)), 0, 0, ...after.map((pad) => Math.min(pad, 0))])
    : dy
  const pads = [...before, ...after].map((pad) => Math.max(pad, 0))
  const dx = g.conv(source, phases, null, { pads, dilations, group })
  if (!strided) return dx
  const whole = g.op('DepthToSpace', [dx], { blocksize: stride!, mode: 'CRD' })[0]!
  const surplus = input.map((size, i) => size - Math.ceil(size / strides[i]!) * strides[i]!)
  return g.pad(whole, [0, 0, 0, 0, 0, 0, ...surplus])
}

/**
 * Which kernel tap each phase uses at each of its positions, along one axis. `indices` lists
 * `taps` entries for phase 0, then for phase 1, …; the index `kernel` stands for a zero.
 */
function phaseTaps(kernel: number, stride: number, pad: number, dilation: number): { indices: number[]; taps: number; lowest: number } {
  if (stride === 1) {
    return { indices: Array.from({ length: kernel }, (_, t) => kernel - 1 - t), taps: kernel, lowest: pad - (kernel - 1) * dilation }
  }
  // In phase r, tap a + stride·m reads dy[q + b − m].
  const phases = Array.from({ length: stride }, (_, r) => {
    const a = (r + pad) % stride
    return { a, b: Math.floor((r + pad) / stride), count: Math.ceil((kernel - a) / stride) }
  })
  const used = phases.filter(({ count }) => count > 0)
  const lowest = Math.min(...used.map(({ b, count }) => b - count + 1))
  const taps = Math.max(...used.map(({ b }) => b)) - lowest + 1
  const indices = phases.flatMap(({ a, b }) =>
    Array.from({ length: taps }, (_, t) => {
      const k = a + stride * (b - lowest - t)
      return k >= 0 && k < kernel ? k : kernel
    }),
  )
  return { indices, taps, lowest }
}

/** [o, c / group, k, k] to [c·s·s, o / group, taps, taps], channels in the order [c, phase row, phase column]. */
function rearrangeKernel(g: Builder, weight: Value, indices: readonly number[][], strides: readonly number[], group: number): Value {
  const [out, inside, ...kernel] = weight.shape as number[]
  let value = weight
  for (const [i, list] of indices.entries()) {
    if (list.includes(kernel[i]!)) {
      const pads = Array.from({ length: 2 * weight.shape.length }, () => 0)
      pads[weight.shape.length + i + 2] = 1
      value = g.pad(value, pads)
    }
    if (list.length > 1 || list[0] !== 0) value = g.gather(value, g.integers(list), i + 2)
  }
  const taps = indices.map((list, i) => list.length / strides[i]!)
  const split = taps.flatMap((count, i) => [strides[i]!, count])
  const apart = g.reshape(value, [group, out! / group, inside!, ...split])
  const phaseAxes = taps.map((_, i) => 3 + 2 * i)
  const tapAxes = taps.map((_, i) => 4 + 2 * i)
  const ordered = g.transpose(apart, [0, 2, ...phaseAxes, 1, ...tapAxes])
  const channels = group * inside! * strides.reduce((product, stride) => product * stride, 1)
  return g.reshape(ordered, [channels, out! / group, ...taps])
}

/**
 * The gradient of the kernel [o, c / group, …]: per kernel tap one slice of the padded input and
 * one product [o, n·positions] × [n·positions, c]. Faster on the CPU than the form with one
 * transposed convolution, and than unfolding all patches.
 */
export function kernelGradient(
  g: Builder,
  x: Value,
  dy: Value,
  shape: readonly number[],
  window: Window,
  group: number,
): Value {
  const { kernel, strides, dilations, begin, end, input, output } = window
  const spatial = kernel.map((_, i) => i + 2)
  const [out, inside] = shape as [number, number]
  const padded = g.pad(x, [0, 0, ...begin, 0, 0, ...end])
  const channelsLast = g.transpose(padded, [0, ...spatial, 1])
  const rows = g.reshape(g.transpose(dy, [1, 0, ...spatial]), group === 1 ? [out, -1] : [group, out / group, -1])
  const products = tapsOf(kernel).map((tap) => {
    const starts = tap.map((k, i) => k * dilations[i]!)
    const ends = starts.map((start, i) => start + (output[i]! - 1) * strides[i]! + 1)
    const whole = starts.every((start, i) => start === 0 && ends[i] === input[i]! + begin[i]! + end[i]!)
    const cut = whole && all(strides, 1) ? channelsLast : g.slice(channelsLast, starts, ends, kernel.map((_, i) => i + 1), strides)
    if (group === 1) return g.matMul(rows, g.reshape(cut, [-1, inside]))
    const columns = g.transpose(g.reshape(cut, [-1, group, inside]), [1, 0, 2])
    return g.reshape(g.matMul(rows, columns), [out, inside])
  })
  if (products.length === 1) return g.reshape(products[0]!, shape)
  const stacked = g.concat(products.map((product) => g.unsqueeze(product, [2])), 2)
  return g.reshape(stacked, shape)
}

/** All positions in a kernel, last axis fastest. */
function tapsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (taps, size) => taps.flatMap((tap) => Array.from({ length: size }, (_, k) => [...tap, k])),
    [[]],
  )
}
