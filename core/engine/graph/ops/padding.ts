/** Padding with a constant or with copies of elements. */
import { formatShape } from '../dim.ts'
import { defineOp, given, text } from '../operator.ts'
import { axisOf, inputOf, numbersIn, shapeError, textOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'

export const Pad = defineOp({
  op: 'Pad',
  attributes: { mode: text('constant') },
  // Files are written in operator set 18, which does not have this mode.
  body: (g, call) => (textOf(call, 'mode') === 'wrap' ? [wrap(g, call)] : undefined),
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0)
    const pads = padsOf(call)
    const padded = shape.map((dim, axis) => {
      const extra = pads[axis]! + pads[axis + shape.length]!
      if (extra === 0) return dim
      if (typeof dim === 'number') return dim + extra
      throw shapeError(
        call,
        `axis ${axis} of ${formatShape(shape)} must have a size known before the run`,
      )
    })
    return [{ dtype, shape: padded }]
  },
  vjp: (g, call, [dy]) => {
    const isConstant = textOf(call, 'mode') === 'constant'
    return [
      isConstant
        ? g.pad(
            dy!,
            padsOf(call).map((pad) => -pad),
          )
        : adjointCopies(g, call, dy!),
      null,
      null,
      null,
    ]
  },
  // Before opset 11 pads and value were attributes.
  upgrade: (g, call, opset) => {
    if (opset >= 11) return call
    const { pads, value, mode } = call.attributes
    const inputs = [inputOf(call, 0), g.integers(pads as readonly number[])]
    return {
      inputs: typeof value === 'number' && value !== 0 ? [...inputs, g.scalar(value)] : inputs,
      attributes: mode === undefined ? {} : { mode },
    }
  },
  samples: [
    { inputs: [[2, 3], given(0, 1, 2, 0)] },
    { inputs: [[3, 4], given(1, -1, 0, 1), { shape: [], values: [0.5], constant: true }] },
    { inputs: [[2, 3, 4], given(0, 2, 1, 0, 1, 3)], attributes: { mode: 'reflect' } },
    { inputs: [[2, 3, 4], given(0, 2, 0, 0, 0, 5)], attributes: { mode: 'edge' } },
    { inputs: [[2, 3, 4], given(0, 2, 1, 0, 1, 3)], attributes: { mode: 'wrap' } },
  ],
})

/** Copies from the other end of each axis, as of an image on a torus. */
function wrap(g: Builder, call: Call): Value {
  const x = inputOf(call, 0)
  const pads = padsOf(call)
  let value = x
  for (const [axis, size] of x.shape.entries()) {
    const [before, after] = [pads[axis]!, pads[axis + x.shape.length]!]
    if (before === 0 && after === 0) continue
    if (typeof size !== 'number') {
      throw shapeError(
        call,
        `axis ${axis} of ${formatShape(x.shape)} must have a size known before the run`,
      )
    }
    const places = Array.from({ length: before + size + after }, (_, i) => {
      const place = (i - before) % size
      return place < 0 ? place + size : place
    })
    value = g.gather(value, g.integers(places), axis)
  }
  return value
}

/** The pads of all axes; since opset 18 a node may list fewer axes. */
export function padsOf(call: Call): readonly number[] {
  const rank = inputOf(call, 0).shape.length
  const pads = numbersIn(call, 1, 'the pads')
  if (!call.inputs[3]) {
    if (pads.length !== 2 * rank)
      throw shapeError(call, `expected ${2 * rank} pads, got ${pads.length}`)
    return pads
  }
  const axes = numbersIn(call, 3, 'axes')
  const all = Array.from({ length: 2 * rank }, () => 0)
  axes.forEach((axis, i) => {
    const at = axisOf(call, axis, rank)
    all[at] = pads[i]!
    all[at + rank] = pads[i + axes.length]!
  })
  return all
}

/**
 * Sums the gradients of all copies of an element: along each padded axis a product with the 0/1
 * matrix of the copies.
 */
function adjointCopies(g: Builder, call: Call, dy: Value): Value {
  const { dtype, shape } = inputOf(call, 0)
  const pads = padsOf(call)
  let value = dy
  for (const [axis, size] of shape.entries()) {
    const [before, after] = [pads[axis]!, pads[axis + shape.length]!]
    if ((before === 0 && after === 0) || typeof size !== 'number') continue
    const length = before + size + after
    const copies = Array.from({ length: length * size }, () => 0)
    for (let i = 0; i < length; i++) copies[i * size + sourceOf(call, i - before, size)] = 1
    const matrix = g.cast(g.floats([length, size], copies), dtype)
    // Swaps the axis with the last one, and back.
    const exchange = shape.map((_, i) =>
      i === axis ? shape.length - 1 : i === shape.length - 1 ? axis : i,
    )
    value = g.transpose(g.matMul(g.transpose(value, exchange), matrix), exchange)
  }
  return value
}

/**
 * The index of the element that is copied to a position before, in or after an axis of that size.
 */
export function sourceOf(call: Call, position: number, size: number): number {
  const mode = textOf(call, 'mode')
  if (mode === 'edge') return Math.min(Math.max(position, 0), size - 1)
  if (mode !== 'reflect')
    throw shapeError(
      call,
      `mode "${mode}" has no derivative rule (supported: constant, reflect, edge, wrap)`,
    )
  const period = Math.max(1, 2 * (size - 1))
  const wrapped = ((position % period) + period) % period
  return Math.min(wrapped, period - wrapped)
}

/** A value between zeros along one axis. */
interface Padded {
  readonly value: Value
  readonly axis: number
  readonly before: number
  readonly after: number
}

/**
 * The sum of two values that are padded with zeros, each where the other is: their concatenation,
 * padded. Gradients of the parts of a tensor are such values.
 * @returns undefined for other values
 */
export function joinPadded(g: Builder, a: Value, b: Value): Value | undefined {
  const [first, second] = [a, b]
    .map((value) => paddedOf(value))
    .sort((left, right) => (left?.before ?? 0) - (right?.before ?? 0))
  if (!first || !second || first.axis !== second.axis || !sameShape(a, b)) return undefined
  const { axis, before } = first
  const end = before + (first.value.shape[axis] as number)
  if (end !== second.before) return undefined
  const pads = [before, second.after].flatMap((pad) =>
    a.shape.map((_, i) => (i === axis ? pad : 0)),
  )
  return g.pad(g.concat([first.value, second.value], axis), pads)
}

function paddedOf({ node, shape }: Value): Padded | undefined {
  const [value, pads, fill] = node.inputs
  if (node.op !== 'Pad' || node.attributes['mode'] !== 'constant' || fill) return undefined
  if (!value || pads?.contents?.length !== 2 * shape.length) return undefined
  const sizes = pads.contents
  const axes = shape.flatMap((_, i) => (sizes[i] === 0 && sizes[i + shape.length] === 0 ? [] : [i]))
  const [axis] = axes
  if (axes.length !== 1 || axis === undefined || typeof value.shape[axis] !== 'number')
    return undefined
  const [before, after] = [sizes[axis], sizes[axis + shape.length]]
  const isPadding = typeof before === 'number' && typeof after === 'number'
  return isPadding && before >= 0 && after >= 0 ? { value, axis, before, after } : undefined
}

function sameShape(a: Value, b: Value): boolean {
  return a.shape.length === b.shape.length && a.shape.every((dim, i) => dim === b.shape[i])
}
