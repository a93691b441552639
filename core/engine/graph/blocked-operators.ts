/**
 * The operators of onnxruntime's blocked layout NCHWc: a value `[n, c, h, w]` stored as `[n, c /
 * block, h, w, block]`. onnxruntime uses them itself where kernels are constants; a graph that
 * names them gets the same speed with kernels that are inputs.
 *
 * Values keep their logical shape. Elementwise operators apply to blocked values of equal shape,
 * because they do not depend on the order of elements.
 */
import { Builder } from './builder.ts'
import { defineOp, int, ints, text, type OpRecord } from './operator.ts'
import { inputOf, numberOf, numbersOf, sizesOf, type Call } from './operator-call.ts'
import { operators } from './ops/index.ts'
import { all, resolveWindow } from './ops/sliding-window.ts'
import type { Value } from './value.ts'

/** The operator set of these operators; they work on CPUs only. */
export const blockedDomain = 'com.microsoft.nchwc'

/** Their names in expressions. */
export const blockedOps = {
  conv: `${blockedDomain}.Conv`,
  enter: `${blockedDomain}.ReorderInput`,
  exit: `${blockedDomain}.ReorderOutput`,
  average: `${blockedDomain}.GlobalAveragePool`,
} as const

const records: readonly OpRecord[] = [
  defineOp({
    op: blockedOps.conv,
    attributes: {
      activation: text(),
      auto_pad: text('NOTSET'),
      dilations: ints(),
      group: int(1),
      kernel_shape: ints(),
      pads: ints(),
      strides: ints(),
    },
    infer: (call) => {
      const [x, weight] = [inputOf(call, 0), inputOf(call, 1)]
      const kernel = sizesOf(call, weight.shape, 2)
      // A single tap fits any sizes, known or not.
      const isPointwise =
        all([...kernel, ...numbersOf(call, 'strides')!], 1) && all(numbersOf(call, 'pads')!, 0)
      const spatial = isPointwise ? x.shape.slice(2) : resolveWindow(call, x.shape, kernel).output
      return [{ dtype: x.dtype, shape: [x.shape[0]!, weight.shape[0]!, ...spatial] }]
    },
    samples: [],
  }),
  defineOp({
    op: blockedOps.enter,
    attributes: { channels_last: int(0) },
    infer: (call) => {
      const { dtype, shape } = inputOf(call, 0)
      const [n, ...rest] = shape
      return [{ dtype, shape: numberOf(call, 'channels_last') ? [n!, ...toFirst(rest)] : shape }]
    },
    samples: [],
  }),
  defineOp({
    op: blockedOps.exit,
    attributes: { channels: int(), channels_last: int(0) },
    infer: (call) => {
      const { dtype, shape } = inputOf(call, 0)
      const [n, , ...spatial] = shape
      const channels = numberOf(call, 'channels')
      const sizes = numberOf(call, 'channels_last')
        ? [...spatial, channels]
        : [channels, ...spatial]
      return [{ dtype, shape: [n!, ...sizes] }]
    },
    samples: [],
  }),
  defineOp({
    op: blockedOps.average,
    attributes: {},
    infer: (call: Call) => {
      const { dtype, shape } = inputOf(call, 0)
      return [{ dtype, shape: [shape[0]!, shape[1]!, 1, 1] }]
    },
    samples: [],
  }),
]

/** Their records by name. */
export const blockedOperators: ReadonlyMap<string, OpRecord> = new Map(
  records.map((record) => [record.op, record]),
)

/** The builder with these operators besides the standard ones. */
export const b: Builder = new Builder(new Map([...operators, ...blockedOperators]))

/** Options of a blocked convolution. */
export interface BlockedConvolution {
  readonly strides?: readonly number[]
  readonly pads?: readonly number[]
  readonly dilations?: readonly number[]
  readonly group?: number
  readonly activation?: 'Relu'
}

/**
 * activation(conv(x) + bias + sum), blocked.
 * @param x blocked; plain if it has fewer channels than a block
 * @param kernel packed (`packKernel`); for a depthwise convolution `[c, 1, kh, kw]` blocked along c
 * @param sum blocked, with the shape of the result
 */
export function blockedConv(
  x: Value,
  kernel: Value,
  bias: Value | null,
  sum: Value | null,
  options: BlockedConvolution,
): Value {
  const optional = sum ? [bias, sum] : bias ? [bias] : []
  return b.op(blockedOps.conv, [x, kernel, ...optional], {
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    kernel_shape: kernel.shape.slice(2) as number[],
    ...options,
  })[0]!
}

const entered = new WeakMap<Value, Value>()

/** A plain value in the blocked layout. */
export function enter(value: Value): Value {
  const { op, inputs, attributes } = value.node
  if (isExit(value)) return inputs[0]!
  const known = entered.get(value)
  if (known) return known
  const perm = attributes['perm'] as readonly number[] | undefined
  const result =
    op === 'Transpose' && perm?.join() === '0,3,1,2'
      ? enterChannelsLast(inputs[0]!)
      : b.op(blockedOps.enter, [value])[0]!
  entered.set(value, result)
  return result
}

/** `[n, h, w, c]` as a blocked value `[n, c, h, w]`. */
export function enterChannelsLast(value: Value): Value {
  return b.op(blockedOps.enter, [value], { channels_last: 1 })[0]!
}

/**
 * A blocked value in the plain layout, `[n, channels, h, w]`.
 * @param channels without those that fill the last block
 */
export function exit(value: Value, channels = value.shape[1] as number): Value {
  return b.op(blockedOps.exit, [value], { channels })[0]!
}

/** A blocked value as `[n, h, w, channels]`. */
export function exitChannelsLast(value: Value, channels = value.shape[1] as number): Value {
  return b.op(blockedOps.exit, [value], { channels, channels_last: 1 })[0]!
}

/** Whether a value is a blocked one with all its channels, in the plain layout. */
export function isExit({ node }: Value): boolean {
  return (
    node.op === blockedOps.exit &&
    node.attributes['channels_last'] === 0 &&
    node.attributes['channels'] === node.inputs[0]!.shape[1]
  )
}

/**
 * A kernel `[o, c, kh, kw]` in the order of a blocked convolution: `[o / block, c / block, kh, kw,
 * block of c, block of o]`, or `[o / block, c, kh, kw, block]` for fewer channels than a block.
 */
export function packKernel(kernel: Value, block: number): Value {
  const [out, inside, height, width] = kernel.shape as [number, number, number, number]
  const parts = partsOfKernel(kernel, block)
  // Chunks of a block move, which is faster than single elements.
  const ordered = inside % block === 0 ? b.transpose(parts, [0, 1, 3, 2, 4]) : parts
  return b.reshape(ordered, [out, inside, height, width])
}

/**
 * A kernel `[o, c, kh, kw]` as `[o / block, c / block, block of c, kh·kw, block of o]`, or `[o /
 * block, c, kh·kw, block]` for fewer channels than a block.
 */
export function partsOfKernel(kernel: Value, block: number): Value {
  const [out, inside, height, width] = kernel.shape as [number, number, number, number]
  const taps = height * width
  const source = b.reshape(kernel, [out / block, block, inside * taps, 1])
  const last = b.op(blockedOps.enter, [source])[0]!
  const channels = inside % block === 0 ? [inside / block, block] : [inside]
  return b.reshape(last, [out / block, ...channels, taps, block])
}

function toFirst<T>(items: readonly T[]): T[] {
  return [items.at(-1)!, ...items.slice(0, -1)]
}
