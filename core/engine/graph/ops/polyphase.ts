/**
 * Transposed convolution by polyphase decomposition: with strides s, the outputs of each phase
 * i mod s are an ordinary convolution with every s-th tap. In one dimension, with stride 2, kernel
 * (w0, w1, w2) and padding 1:
 *
 *     x          x0          x1          x2         phase 0: y[2q]     = w1·x[q]
 *                │ ╲       ╱ │ ╲       ╱ │          phase 1: y[2q + 1] = w2·x[q] + w0·x[q + 1]
 *              w1│ w2╲   ╱w0 │w1 ╲   ╱   │
 *     y          y0    y1    y2    y3    y4         interleaved: y0 y1 y2 y3 y4
 *
 * @see Vaidyanathan 1990, "Multirate digital filters, filter banks, polyphase networks, and
 *   applications: a tutorial", Proceedings of the IEEE 78(1)
 * @see Shi, Caballero, Theis, Huszár, Aitken, Ledig, Wang 2016, "Is the deconvolution layer the
 *   same as a convolutional layer?", arXiv:1609.07009
 */
import { numberOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'
import { blockSize } from './blocked.ts'
import { all, hasFewPositions, type SlidingWindow } from './sliding-window.ts'

/** An image in polyphase components: row s·q + r of the image is row q of component r. */
export interface PolyphaseImage {
  /**
   * Per row phase `[n, column phases · c, rows, columns]`, channels in the order [column phase, c];
   * null for zeros.
   */
  readonly rows: readonly (Value | null)[]
  readonly strides: readonly number[]
  /** `[h, w]` of the image. */
  readonly size: readonly number[]
  readonly channels: number
}

/** The components of interleaved values, so that sums can be computed before interleaving. */
const componentsOf = new WeakMap<Value, PolyphaseImage>()

/**
 * ConvTranspose as ordinary convolutions. Output i = s·q + r of phase r is
 * Σ w[k]·x[(i + pad − k)/s] over the taps k ≡ i + pad (mod s): a convolution with every s-th tap,
 * flipped.
 *
 * One convolution per row phase computes all column phases as channels. In the layout [n, h, w, c],
 * interleaving the rows then copies whole rows. With few channels, such as those of an image, one
 * convolution computes all phases, because each alone would leave a block partly empty. A depthwise
 * convolution has one per phase.
 * @returns undefined where ConvTranspose should stay: with other groups, dilations, or not two axes,
 *   and with stride 1 where a convolution over all positions costs more
 */
export function lowerTransposedConvolution(
  g: Builder,
  call: Call,
  window: SlidingWindow,
): readonly Value[] | undefined {
  const [x, weight, bias] = call.inputs as readonly [Value, Value, (Value | null)?]
  const { kernel, strides, dilations, begin, input } = window
  const group = numberOf(call, 'group')
  const isDepthwise = group > 1 && group === weight.shape[0] && weight.shape[1] === 1
  if (kernel.length !== 2 || !all(dilations, 1) || (group !== 1 && !isDepthwise)) return undefined
  if (all(strides, 1) && hasFewPositions(window)) return undefined
  const [rowStride, columnStride] = strides as [number, number]
  const columnPhases = phasesOf(kernel[1]!, columnStride, begin[1]!)
  const columns = mergePhases(columnPhases, kernel[1]!, columnStride)
  const rowPhases = phasesOf(kernel[0]!, rowStride, begin[0]!)
  if (isDepthwise) {
    if ([...rowPhases, ...columnPhases].some(({ count }) => count === 0)) return undefined
    const rows = rowPhases.map((phase) => {
      const taps = mergePhases([phase], kernel[0]!, rowStride)
      const parts = columnPhases.map((part) => {
        const own = mergePhases([part], kernel[1]!, columnStride)
        return convolvePhases(g, x, weight, [taps, own], window, group)
      })
      return g.concat(parts, 1)
    })
    return [withBias(g, interleave(g, { rows, strides, size: input, channels: group }), bias)]
  }
  const channels = weight.shape[1] as number
  if (rowStride * columnStride * channels <= blockSize) {
    const taps = mergePhases(rowPhases, kernel[0]!, rowStride)
    const components = convolvePhases(g, x, weight, [taps, columns], window)
    return [withBias(g, interleaveAll(g, components, strides, input), bias)]
  }
  const rows = rowPhases.map((phase) => {
    if (phase.count === 0) return null
    const taps = mergePhases([phase], kernel[0]!, rowStride)
    return convolvePhases(g, x, weight, [taps, columns], window)
  })
  return [withBias(g, interleave(g, { rows, strides, size: input, channels }), bias)]
}

function withBias(g: Builder, value: Value, bias: Value | null | undefined): Value {
  return bias ? g.add(value, g.unsqueeze(bias, [1, 2])) : value
}

/** The image of components `[n, row phases · column phases · c, rows, columns]`. */
function interleaveAll(
  g: Builder,
  components: Value,
  strides: readonly number[],
  size: readonly number[],
): Value {
  const [rowStride, columnStride] = strides
  const [, channels, height, width] = components.shape as number[]
  const perRow = channels! / rowStride!
  const last = g.transpose(components, [0, 2, 3, 1])
  const rows = Array.from({ length: rowStride! }, (_, r) =>
    g.reshape(g.slice(last, [r * perRow], [(r + 1) * perRow], [3]), [0, height!, width! * perRow]),
  )
  return joinRows(g, rows, { strides, size, channels: perRow / columnStride! })
}

/** The image of row phases `[n, rows, columns · column phases · c]`. */
function joinRows(
  g: Builder,
  rows: readonly Value[],
  { strides, size, channels }: Omit<PolyphaseImage, 'rows'>,
): Value {
  const [height, width] = size.map((length, i) => Math.ceil(length / strides[i]!) * strides[i]!)
  const whole = g.reshape(g.concat(rows, 2), [0, height!, width!, channels])
  const surplus = size.some((length, i) => whole.shape[i + 1] !== length)
  return g.transpose(surplus ? g.slice(whole, [0, 0], size, [1, 2]) : whole, [0, 3, 1, 2])
}

/**
 * The sum of two values with the same polyphase structure, added component by component.
 * @returns undefined if either is not such a value
 */
export function addPolyphase(g: Builder, a: Value, b: Value): Value | undefined {
  const [left, right] = [componentsOf.get(a), componentsOf.get(b)]
  if (!left || !right || left.channels !== right.channels) return undefined
  const isSame = (p: readonly number[], q: readonly number[]): boolean =>
    p.every((number, i) => number === q[i])
  if (!isSame(left.strides, right.strides) || !isSame(left.size, right.size)) return undefined
  const rows = left.rows.map((row, r) => {
    const other = right.rows[r]
    return row && other ? g.add(row, other) : (row ?? other ?? null)
  })
  return interleave(g, { ...left, rows })
}

/** The image of polyphase components. */
export function interleave(g: Builder, image: PolyphaseImage): Value {
  const { rows, strides, size, channels } = image
  const [height, width] = size.map((length, i) => Math.ceil(length / strides[i]!)) as [
    number,
    number,
  ]
  const nonzero = rows.find((row) => row !== null)!
  const flat = rows.map((row) => {
    if (!row) return g.zerosLike(g.reshape(nonzero, [0, height, -1]))
    return g.reshape(g.transpose(row, [0, 2, 3, 1]), [0, height, width * strides[1]! * channels])
  })
  const value = joinRows(g, flat, image)
  componentsOf.set(value, image)
  return value
}

/** The taps of one phase along one axis. */
interface Phase {
  /** The first tap. */
  readonly first: number
  /** The number of taps first, first + stride, … */
  readonly count: number
  /** Tap first + stride·m reads x[q + shift − m]. */
  readonly shift: number
}

function phasesOf(kernel: number, stride: number, pad: number): Phase[] {
  return Array.from({ length: stride }, (_, r) => {
    const first = (r + pad) % stride
    return {
      first,
      shift: Math.floor((r + pad) / stride),
      count: Math.max(0, Math.ceil((kernel - first) / stride)),
    }
  })
}

/** The kernels of several phases along one axis. */
interface MergedTaps {
  /** Kernel indices, `taps` per phase; the index `kernel` denotes a zero. */
  readonly indices: readonly number[]
  readonly phases: number
  readonly taps: number
  /** The first tap reads x[q + lowest]. */
  readonly lowest: number
}

/** Pads the taps of several phases to one common range of positions. */
function mergePhases(phases: readonly Phase[], kernel: number, stride: number): MergedTaps {
  const used = phases.filter(({ count }) => count > 0)
  const lowest = Math.min(...used.map(({ shift, count }) => shift - count + 1))
  const taps = Math.max(...used.map(({ shift }) => shift)) - lowest + 1
  const indices = phases.flatMap(({ first, shift }) =>
    Array.from({ length: taps }, (_, t) => {
      const k = first + stride * (shift - lowest - t)
      return k >= 0 && k < kernel ? k : kernel
    }),
  )
  return { indices, phases: phases.length, taps, lowest }
}

/** Several phases as the channels of one convolution. */
function convolvePhases(
  g: Builder,
  x: Value,
  weight: Value,
  axes: readonly [MergedTaps, MergedTaps],
  window: SlidingWindow,
  group = 1,
): Value {
  // x[q + lowest + t] for taps t, at q = 0 … ⌈input / stride⌉ − 1.
  const { strides, input, output } = window
  const before = axes.map(({ lowest }) => -lowest)
  const after = axes.map(
    ({ taps, lowest }, i) => Math.ceil(input[i]! / strides[i]!) - output[i]! + lowest + taps - 1,
  )
  const kernels =
    group === 1 ? phaseKernels(g, weight, axes, window) : gatherTaps(g, weight, axes, window)
  const pads = [...before, ...after]
  const crops = pads.map((pad) => Math.min(pad, 0))
  const source = all(crops, 0)
    ? x
    : g.pad(x, [0, 0, crops[0]!, crops[1]!, 0, 0, crops[2]!, crops[3]!])
  return g.conv(source, kernels, null, { pads: pads.map((pad) => Math.max(pad, 0)), group })
}

/** `[row phases · column phases · c, out, row taps, column taps]` of a weight `[out, c, …]`. */
function phaseKernels(
  g: Builder,
  weight: Value,
  axes: readonly [MergedTaps, MergedTaps],
  window: SlidingWindow,
): Value {
  const [out, channels] = weight.shape as number[]
  const [rows, columns] = axes
  const split = g.reshape(gatherTaps(g, weight, axes, window), [
    out!,
    channels!,
    rows.phases,
    rows.taps,
    columns.phases,
    columns.taps,
  ])
  return g.reshape(g.transpose(split, [2, 4, 1, 0, 3, 5]), [
    rows.phases * columns.phases * channels!,
    out!,
    rows.taps,
    columns.taps,
  ])
}

/** `[…, row phases · row taps, column phases · column taps]` of a weight `[…, kh, kw]`. */
function gatherTaps(
  g: Builder,
  weight: Value,
  axes: readonly [MergedTaps, MergedTaps],
  { kernel }: SlidingWindow,
): Value {
  let gathered = weight
  for (const [i, { indices }] of axes.entries()) {
    // A zero after the last tap, for the indices that point to it.
    if (indices.includes(kernel[i]!)) {
      gathered = g.pad(gathered, [0, 0, 0, 0, 0, 0, i === 0 ? 1 : 0, i === 1 ? 1 : 0])
    }
    gathered = g.gather(gathered, g.integers(indices), i + 2)
  }
  return gathered
}
