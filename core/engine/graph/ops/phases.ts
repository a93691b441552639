/** Transposed convolution as ordinary ones: each phase of the output is a convolution with some of the taps. */
import { numberOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'
import { blockSize } from './blocked.ts'
import { all, type Window } from './window.ts'

/** An image in parts: row s·q + r of it, for each phase r, is row q of part r. */
interface Phases {
  /** `[n, column phases · c, rows, columns]` per row phase, channels in the order [column phase, c]; null for zeros. */
  readonly rows: readonly (Value | null)[]
  readonly strides: readonly number[]
  /** `[h, w]` of the whole image. */
  readonly size: readonly number[]
  readonly channels: number
}

/** The parts of which a value was put together, so that sums can be taken part by part. */
const madeOf = new WeakMap<Value, Phases>()

/**
 * With strides s, output position i = s·q + r of phase r receives Σ w[k]·x[(i + pad − k)/s] over the
 * taps k ≡ i + pad (mod s): an ordinary convolution, with every s-th tap, flipped. One convolution
 * per row phase computes all column phases as channels, where their order and the layout
 * [n, h, w, c] let the rows be joined by copies of whole rows. Of few channels, such as those of an
 * image, one convolution computes all phases: it fills a block that would stay half empty.
 *
 * Undefined where ConvTranspose should stay: groups, dilations, other than two axes.
 */
export function transposeByPhases(
  g: Builder,
  call: Call,
  window: Window,
): readonly Value[] | undefined {
  const [x, weight, bias] = call.inputs as readonly [Value, Value, (Value | null)?]
  const { kernel, strides, dilations, begin, input } = window
  if (kernel.length !== 2 || !all(dilations, 1) || numberOf(call, 'group') !== 1) return undefined
  const [rowStride, columnStride] = strides as [number, number]
  const columns = mergePhases(
    phasesOf(kernel[1]!, columnStride, begin[1]!),
    kernel[1]!,
    columnStride,
  )
  const rowPhases = phasesOf(kernel[0]!, rowStride, begin[0]!)
  const inside = weight.shape[1] as number
  if (rowStride * columnStride * inside <= blockSize) {
    const taps = mergePhases(rowPhases, kernel[0]!, rowStride)
    const parts = phaseConvolution(g, x, weight, [taps, columns], window)
    return [withBias(g, interleave(g, parts, strides, input), bias)]
  }
  const rows = rowPhases.map((phase) => {
    if (phase.count === 0) return null
    const taps = mergePhases([phase], kernel[0]!, rowStride)
    return phaseConvolution(g, x, weight, [taps, columns], window)
  })
  return [withBias(g, assemble(g, { rows, strides, size: input, channels: inside }), bias)]
}

function withBias(g: Builder, value: Value, bias: Value | null | undefined): Value {
  return bias ? g.add(value, g.unsqueeze(bias, [1, 2])) : value
}

/** An image of which one convolution computed all phases: `[n, row phases · column phases · c, rows, columns]`. */
function interleave(
  g: Builder,
  parts: Value,
  strides: readonly number[],
  size: readonly number[],
): Value {
  const [rowStride, columnStride] = strides
  const [, channels, height, width] = parts.shape as number[]
  const each = channels! / rowStride!
  const last = g.transpose(parts, [0, 2, 3, 1])
  const rows = Array.from({ length: rowStride! }, (_, r) =>
    g.reshape(g.slice(last, [r * each], [(r + 1) * each], [3]), [0, height!, width! * each]),
  )
  return joinRows(g, rows, { strides, size, channels: each / columnStride! })
}

/** The image of which each row phase is there as `[n, rows, columns · column phases · c]`. */
function joinRows(
  g: Builder,
  rows: readonly Value[],
  { strides, size, channels }: Omit<Phases, 'rows'>,
): Value {
  const [height, width] = size.map((length, i) => Math.ceil(length / strides[i]!) * strides[i]!)
  const whole = g.reshape(g.concat(rows, 2), [0, height!, width!, channels])
  const surplus = size.some((length, i) => whole.shape[i + 1] !== length)
  return g.transpose(surplus ? g.slice(whole, [0, 0], size, [1, 2]) : whole, [0, 3, 1, 2])
}

/** The sum of two values that were put together in the same way, taken before that; else undefined. */
export function addPhases(g: Builder, a: Value, b: Value): Value | undefined {
  const [left, right] = [madeOf.get(a), madeOf.get(b)]
  if (!left || !right || left.channels !== right.channels) return undefined
  const same = (p: readonly number[], q: readonly number[]): boolean =>
    p.every((number, i) => number === q[i])
  if (!same(left.strides, right.strides) || !same(left.size, right.size)) return undefined
  const rows = left.rows.map((row, r) => {
    const other = right.rows[r]
    return row && other ? g.add(row, other) : (row ?? other ?? null)
  })
  return assemble(g, { ...left, rows })
}

function assemble(g: Builder, parts: Phases): Value {
  const { rows, strides, size, channels } = parts
  const [height, width] = size.map((length, i) => Math.ceil(length / strides[i]!)) as [
    number,
    number,
  ]
  const some = rows.find((row) => row !== null)!
  const flat = rows.map((row) => {
    if (!row) return g.zerosLike(g.reshape(some, [0, height, -1]))
    return g.reshape(g.transpose(row, [0, 2, 3, 1]), [0, height, width * strides[1]! * channels])
  })
  const value = joinRows(g, flat, parts)
  madeOf.set(value, parts)
  return value
}

interface Phase {
  /** The first tap. */
  readonly first: number
  /** How many taps: first, first + stride, … */
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

interface Taps {
  /** Kernel indices, `taps` for each phase in turn; the index `kernel` stands for a zero. */
  readonly indices: readonly number[]
  readonly phases: number
  readonly taps: number
  /** The first tap reads x[q + lowest]. */
  readonly lowest: number
}

/** Taps of several phases side by side, on one common range of positions. */
function mergePhases(phases: readonly Phase[], kernel: number, stride: number): Taps {
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

function phaseConvolution(
  g: Builder,
  x: Value,
  weight: Value,
  axes: readonly [Taps, Taps],
  window: Window,
): Value {
  const { kernel, strides, input, output } = window
  const [out, inside] = weight.shape as number[]
  let value = weight
  for (const [i, { indices }] of axes.entries()) {
    // A zero behind the last tap, where an index points to it.
    if (indices.includes(kernel[i]!))
      value = g.pad(value, [0, 0, 0, 0, 0, 0, i === 0 ? 1 : 0, i === 1 ? 1 : 0])
    value = g.gather(value, g.integers(indices), i + 2)
  }
  // [out, c, phases · taps, phases · taps] to [phases · phases · c, out, taps, taps]
  const [rows, columns] = axes
  const apart = g.reshape(value, [
    out!,
    inside!,
    rows.phases,
    rows.taps,
    columns.phases,
    columns.taps,
  ])
  const phases = g.reshape(g.transpose(apart, [2, 4, 1, 0, 3, 5]), [
    rows.phases * columns.phases * inside!,
    out!,
    rows.taps,
    columns.taps,
  ])
  // x[q + lowest + t] for taps t, at q = 0 … ⌈input / stride⌉ − 1.
  const before = axes.map(({ lowest }) => -lowest)
  const after = axes.map(
    ({ taps, lowest }, i) => Math.ceil(input[i]! / strides[i]!) - output[i]! + lowest + taps - 1,
  )
  const pads = [...before, ...after]
  const crops = pads.map((pad) => Math.min(pad, 0))
  const source = all(crops, 0)
    ? x
    : g.pad(x, [0, 0, crops[0]!, crops[1]!, 0, 0, crops[2]!, crops[3]!])
  return g.conv(source, phases, null, { pads: pads.map((pad) => Math.max(pad, 0)) })
}
