/**
 * Passes where only a small window of the images has changed: up to a cut through the graph, only the positions that the window reaches are
 * computed; from the cut on, everything.
 */
import { enterBlocked, isBlocked } from '../../engine/graph/ops/blocked.ts'
import { g } from '../../engine/graph/graph.ts'
import {
  findReceptiveFields,
  windowsOf,
  type AxisReceptiveField,
  type ReceptiveField,
} from './receptive-field.ts'
import { topologicalOrder, type Node, type Value } from '../../engine/graph/value.ts'

/** Where a graph is cut: a value `[n, c, h, w]` through which everything goes from images to logits. */
export interface Cut {
  readonly value: Value
  readonly reach: ReceptiveField
  /** By the side of a square window: how many rows and columns of the value it reaches at most. Other sides save too little. */
  readonly regions: ReadonlyMap<number, readonly [rows: number, columns: number]>
}

/** The positions of a cut that changed windows reach, as an expression. */
export interface WindowedExpression {
  /** `[n, c, rows, columns]`: the pixels that the positions depend on; what lies outside of the images may be any finite number. */
  readonly crop: Value
  /** What tells where the crop ends and the padding of the layers begins. */
  readonly masks: readonly InsideMask[]
  /** `[n, rows, columns, c]` */
  readonly positions: Value
}

/** A placeholder `[n, 1, rows, columns]`: 1 at the positions of a part of a value that lie inside the value, 0 elsewhere. */
export interface InsideMask {
  readonly value: Value
  readonly axes: readonly [rows: MaskAxis, columns: MaskAxis]
}

/** Position `step · first + offset + i` of a value is inside if it is one of `size`, where `first` is the first position of the cut. */
export interface MaskAxis {
  readonly step: number
  readonly offset: number
  readonly length: number
  readonly size: number
}

/** Along one axis of a value: positions first + offset … first + offset + length − 1, with `first` in that value's own measure. */
interface Extent {
  readonly offset: number
  readonly length: number
}

type Extents = readonly [rows: Extent, columns: Extent]

/** What the work on a part of a value counts beside that on the whole, as small convolutions fill vectors worse. */
const surcharge = 1.4
/** As many multiplications as take as long as to copy a pixel in, or a number of the cut in and out (measured on one CPU). */
const copying = 250
/** The part of a pass that has to be saved. */
const worthwhile = 0.1

/**
 * Where to cut a graph so that windows cost least, judged by multiplications; undefined where nothing is worth it.
 * @param sides how often windows of each side are asked about, in any unit
 */
export function chooseCut(
  logits: Value,
  images: Value,
  sides: ReadonlyMap<number, number>,
): Cut | undefined {
  const reaches = findReceptiveFields(logits, images)
  const order = dependents(logits, images)
  const whole = order.reduce((sum, node) => sum + workOf(node), 0)
  let best: Cut | undefined
  let most = 0
  for (const [value, reach] of reaches) {
    if (value === images || !isBottleneck(value, order, logits, images)) continue
    const regions = new Map<number, readonly [number, number]>()
    let saved = 0
    for (const [side, times] of sides) {
      const counts = [0, 1].map((axis) => reachedPositions(reach[axis]!, side)) as [number, number]
      const gain = whole - windowedWork(value, counts, order, images)
      if (gain < worthwhile * whole) continue
      regions.set(side, counts)
      saved += times * gain
    }
    if (saved > most) {
      best = { value, reach, regions }
      most = saved
    }
  }
  return best
}

/** How many positions along an axis a window of that side reaches at most. */
function reachedPositions({ stride, low, high, size }: AxisReceptiveField, side: number): number {
  return Math.min(size, Math.floor((side - 1 + high - low) / stride) + 1)
}

/** The first of so many positions inside the value, so that all that a window from that pixel on reaches are among them. */
export function firstPosition(axis: AxisReceptiveField, pixel: number, positions: number): number {
  const first = Math.ceil((pixel - axis.high) / axis.stride)
  return Math.max(0, Math.min(first, axis.size - positions))
}

/** The first pixel that positions from that one on depend on; it may lie outside of the images. */
export function firstPixel({ stride, low }: AxisReceptiveField, position: number): number {
  return position * stride + low
}

/** Fills the mask `[rows, columns]` of an example whose positions begin at that row and column. */
export function fillMask(
  [rows, columns]: InsideMask['axes'],
  first: readonly [row: number, column: number],
  output: Float32Array,
): void {
  const [top, left] = [rows, columns].map(({ step, offset }, axis) => first[axis]! * step + offset)
  for (let row = 0; row < rows.length; row++) {
    const isRowInside = top! + row >= 0 && top! + row < rows.size
    for (let column = 0; column < columns.length; column++) {
      const isInside = isRowInside && left! + column >= 0 && left! + column < columns.size
      output[row * columns.length + column] = Number(isInside)
    }
  }
}

/** How many pixels so many positions depend on. */
export function pixelsOf({ stride, low, high }: AxisReceptiveField, positions: number): number {
  return (positions - 1) * stride + high - low + 1
}

/** An expression for so many positions of the cut, `[rows, columns]`. */
export function cropExpression(
  { value, reach }: Pick<Cut, 'value' | 'reach'>,
  images: Value,
  positions: readonly [number, number],
): WindowedExpression {
  const order = dependents(value, images)
  const extents = findExtents(value, positions, order)
  const reaches = findReceptiveFields(value, images)
  const [rows, columns] = extents.get(images)!
  const crop = g.input('crop', images.dtype, ['n', images.shape[1]!, rows.length, columns.length])
  const masks: InsideMask[] = []

  /** Tells the positions of an extent that lie inside the value; undefined if all do. */
  const insideOf = (of: Value, parts: Extents): Value | undefined => {
    const axes = reaches.get(of)!.map(({ size, stride }, axis) => ({
      step: reach[axis]!.stride / stride,
      size,
      ...parts[axis]!,
    })) as [MaskAxis, MaskAxis]
    const fits = axes.every(({ step, offset, length, size }, axis) => {
      const last = (reach[axis]!.size - positions[axis]!) * step
      return offset >= 0 && last + offset + length <= size
    })
    if (fits) return undefined
    const shape = ['n', 1, ...axes.map(({ length }) => length)]
    const known = masks.find((mask) => JSON.stringify(mask.axes) === JSON.stringify(axes))
    if (known) return known.value
    const value = g.input(`inside ${masks.length}`, 'float32', shape)
    masks.push({ value, axes })
    return value
  }

  const cropped = new Map<Value, Value>([[images, crop]])
  /** Those positions of a value, as computed by its own operator, whose surroundings may be cut away. */
  const partOf = (of: Value, wanted: Extents): Value => {
    const whole = extents.get(of)!
    return cutAway(
      cropped.get(of)!,
      wanted.map(({ offset }, axis) => offset - whole[axis]!.offset),
      wanted.map(({ length }) => length),
    )
  }
  for (const node of order) {
    const [y] = node.outputs
    const extent = extents.get(y!)
    if (!extent || node === images.node) continue
    const inputs = node.inputs.map((input) => {
      if (!input || !extents.has(input)) return input
      const wanted = sourceOf(node, extent)
      const part = partOf(input, wanted)
      const inside = windowsOf(node) && insideOf(input, wanted)
      if (!inside) return part
      return node.op === 'MaxPool' ? sinkPositions(part, inside) : maskPositions(part, inside)
    })
    cropped.set(y!, applyUnpadded(node, inputs))
  }
  return {
    crop,
    masks,
    positions: g.transpose(cropped.get(value)!, [0, 2, 3, 1]),
  }
}

/** The same operator without padding, which the crop has of its own. */
function applyUnpadded(node: Node, inputs: readonly (Value | null)[]): Value {
  const pads = windowsOf(node) ? { auto_pad: 'NOTSET', pads: [0, 0, 0, 0] } : {}
  return g.op(node.op, inputs, { ...node.attributes, ...pads }, node.name)[0]!
}

/** Zero outside, as convolutions see their padding. */
function maskPositions(x: Value, inside: Value): Value {
  return g.mul(x, isBlocked(x) ? forEachChannel(inside, x, 1, 0) : inside)
}

/** As good as −∞ outside, as a maximum sees its padding. */
function sinkPositions(x: Value, inside: Value): Value {
  const masked = maskPositions(x, inside)
  if (!isBlocked(x)) return g.add(masked, g.mul(g.sub(inside, 1), depth))
  // onnxruntime starts a convolution from what is added to it, so the last one must not cancel anything.
  const sunk = g.relu(forEachChannel(inside, x, -depth, depth))
  const channels = x.shape[1] as number
  const sign = filled([channels, 1, 1, 1], -1)
  return g.add(masked, g.conv(sunk, sign, null, { group: channels }))
}

const depth = 2 ** 100

/** scale · mask + offset once for each channel of x, in the blocked layout. */
function forEachChannel(mask: Value, x: Value, scale: number, offset: number): Value {
  const channels = x.shape[1] as number
  const bias = offset === 0 ? null : filled([channels], offset)
  return g.conv(mask, filled([channels, 1, 1, 1], scale), bias)
}

function cutAway(x: Value, starts: readonly number[], lengths: readonly number[]): Value {
  const margins = lengths.map((length, i) => (x.shape[i + 2] as number) - length)
  if (margins.every((margin) => margin === 0)) return x
  const channels = x.shape[1] as number
  const even = margins.every((margin, i) => margin === 2 * starts[i]!)
  if (isBlocked(x) && even) {
    // Leaving the blocked layout to slice would take longer than the middle one of three taps that far apart.
    const tap = [0, 0, 0, 0, 1, 0, 0, 0, 0]
    const taps = g.floats([channels, 1, 3, 3], Array.from({ length: channels }, () => tap).flat())
    return g.conv(x, taps, null, { group: channels, dilations: [...starts] })
  }
  const ends = starts.map((start, i) => start + lengths[i]!)
  const part = g.slice(x, starts, ends, [2, 3])
  return isBlocked(x) ? enterBlocked(g, part) : part
}

function filled(shape: readonly number[], value: number): Value {
  return g.floats(
    shape,
    Array.from({ length: sizeOf(shape) }, () => value),
  )
}

/** What an operator has to know of its input for an extent of its output. */
function sourceOf(node: Node, [rows, columns]: Extents): Extents {
  const windows = windowsOf(node)
  if (!windows) return [rows, columns]
  const along = (axis: 0 | 1, { offset, length }: Extent): Extent => {
    const { kernel, stride, dilation, begin } = windows[axis]
    return {
      offset: offset * stride - begin,
      length: (length - 1) * stride + (kernel - 1) * dilation + 1,
    }
  }
  return [along(0, rows), along(1, columns)]
}

/** Of each value before the cut, what is needed for so many positions of it. @param order of the nodes before the cut, among others */
function findExtents(
  cut: Value,
  positions: readonly [number, number],
  order: readonly Node[],
): ReadonlyMap<Value, Extents> {
  const [rows, columns] = positions
  const extents = new Map<Value, Extents>([
    [
      cut,
      [
        { offset: 0, length: rows },
        { offset: 0, length: columns },
      ],
    ],
  ])
  const known = new Set(order)
  for (const node of order.toReversed()) {
    const extent = extents.get(node.outputs[0]!)
    if (!extent) continue
    const wanted = sourceOf(node, extent)
    for (const input of node.inputs) {
      if (!input || !known.has(input.node)) continue
      const other = extents.get(input)
      extents.set(input, other ? [union(other[0], wanted[0]), union(other[1], wanted[1])] : wanted)
    }
  }
  return extents
}

function union(a: Extent, b: Extent): Extent {
  const offset = Math.min(a.offset, b.offset)
  return { offset, length: Math.max(a.offset + a.length, b.offset + b.length) - offset }
}

/** The nodes between images and a value, the images' own first. */
function dependents(of: Value, images: Value): Node[] {
  const found = new Set<Node>([images.node])
  for (const node of topologicalOrder([of])) {
    if (node.inputs.some((input) => input && found.has(input.node))) found.add(node)
  }
  return [...found]
}

/** Whether the logits depend on the images through that value only. */
function isBottleneck(value: Value, order: readonly Node[], logits: Value, images: Value): boolean {
  const around = new Set<Node>([images.node])
  for (const node of order) {
    // Another output of the same operator, such as the places of maxima, is another way.
    if (node.inputs.some((input) => input?.node === value.node && input !== value)) return false
    if (node === value.node) continue
    if (node.inputs.some((input) => input && around.has(input.node))) around.add(node)
  }
  return !around.has(logits.node)
}

function windowedWork(
  cut: Value,
  positions: readonly [number, number],
  order: readonly Node[],
  images: Value,
): number {
  const extents = findExtents(cut, positions, order)
  let work = 0
  for (const node of order) {
    const [y] = node.outputs
    const extent = extents.get(y!)
    if (!extent) {
      work += workOf(node)
      continue
    }
    const area = extent[0].length * extent[1].length
    const part = area / ((y!.shape[2] as number) * (y!.shape[3] as number))
    work += part * surcharge * workOf(node)
    if (y === images || y === cut) work += part * copying * elementsOf(y)
  }
  return work
}

/** Multiplications for one example, roughly. */
function workOf(node: Node): number {
  const [x, weight] = node.inputs
  if (!x) return 0
  const elements = elementsOf(node.outputs[0]!)
  const windows = windowsOf(node)
  if (windows && node.op !== 'Conv') return elements * windows[0].kernel * windows[1].kernel
  if (node.op === 'Conv') return elements * sizeOf(weight!.shape.slice(1))
  if (node.op === 'Gemm' || node.op === 'MatMul') return elements * sizeOf(x.shape.slice(-1))
  // A pass over memory.
  return 4 * elements
}

function elementsOf({ shape }: Value): number {
  return sizeOf(shape.slice(1))
}

/** Symbols count as 1. */
function sizeOf(shape: Value['shape']): number {
  return shape.reduce((size: number, dim) => size * (typeof dim === 'number' ? dim : 1), 1)
}
