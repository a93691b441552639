/** Slices as ranges, and the adjoint of a slice. */
import { axisOf, inputOf, numbersIn, shapeError, type Call } from '../operator-call.ts'
import { formatShape } from '../dim.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'

/** The `length` elements start, start + step, … along an axis. */
export interface SliceRange {
  readonly axis: number
  readonly start: number
  readonly step: number
  readonly length: number
}

/** The range of a Slice along each axis that it names. */
export function rangesOf(call: Call): readonly SliceRange[] {
  const { shape } = inputOf(call, 0)
  const starts = numbersIn(call, 1, 'starts')
  const ends = numbersIn(call, 2, 'ends')
  const axes = call.inputs[3] ? numbersIn(call, 3, 'axes') : starts.map((_, i) => i)
  const steps = call.inputs[4] ? numbersIn(call, 4, 'steps') : starts.map(() => 1)
  return axes.flatMap((given, i) => {
    const axis = axisOf(call, given, shape.length)
    const size = shape[axis]
    const step = steps[i]!
    if (typeof size !== 'number') {
      const isWhole = starts[i] === 0 && ends[i]! >= 2 ** 31 - 1 && step === 1
      if (isWhole) return []
      throw shapeError(
        call,
        `axis ${axis} of ${formatShape(shape)} must have a size known before the run`,
      )
    }
    const clamp = (value: number, low: number, high: number): number =>
      Math.min(Math.max(value < 0 ? value + size : value, low), high)
    const start = step > 0 ? clamp(starts[i]!, 0, size) : clamp(starts[i]!, 0, size - 1)
    const end = step > 0 ? clamp(ends[i]!, 0, size) : clamp(ends[i]!, -1, size - 1)
    return [{ axis, start, step, length: Math.max(0, Math.ceil((end - start) / step)) }]
  })
}

/** The gradient of the input: that of the slice in its place, zeros elsewhere. */
export function adjointSlice(g: Builder, call: Call, dy: Value): Value {
  const { shape } = inputOf(call, 0)
  let value = dy
  const pads = Array.from({ length: 2 * shape.length }, () => 0)
  for (const { axis, start, step, length } of rangesOf(call)) {
    if (length === 0) throw shapeError(call, 'an empty slice has no gradient')
    const stride = Math.abs(step)
    let first = start
    if (step < 0) {
      value = g.slice(value, [-1], [-length - 1], [axis], [-1])
      first = start + (length - 1) * step
    }
    if (stride > 1) value = spread(g, value, axis, stride, length)
    pads[axis] = first
    pads[axis + shape.length] = (shape[axis] as number) - first - ((length - 1) * stride + 1)
  }
  return g.pad(value, pads)
}

/** Inserts stride − 1 zeros between adjacent elements along an axis. */
function spread(g: Builder, x: Value, axis: number, stride: number, length: number): Value {
  const rank = x.shape.length
  const pads = Array.from({ length: 2 * (rank + 1) }, () => 0)
  pads[axis + 1 + rank + 1] = stride - 1
  const open = g.pad(g.unsqueeze(x, [axis + 1]), pads)
  const symbolic = x.shape.filter((dim) => typeof dim === 'string').length
  if (symbolic > 1)
    throw shapeError(
      { op: 'Slice' },
      `the adjoint supports at most one symbolic size, got ${formatShape(x.shape)}`,
    )
  const shape = x.shape.map((dim, i) =>
    i === axis ? length * stride : typeof dim === 'string' ? -1 : dim,
  )
  return g.slice(g.reshape(open, shape), [0], [(length - 1) * stride + 1], [axis])
}
