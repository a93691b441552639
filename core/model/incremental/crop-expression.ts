/** The layers before a cut, applied to crops of the images. */
import { g } from '../../engine/graph/graph.ts'
import { enterBlocked, isBlocked } from '../../engine/graph/ops/blocked.ts'
import type { Node, Value } from '../../engine/graph/value.ts'
import { sizeOf } from '../../engine/tensor/tensor.ts'
import type { Cut } from './choose-cut.ts'
import { findReceptiveFields, windowsOf, type ReceptiveField } from './receptive-field.ts'
import { dependentNodes, findRegions, inputRegion, type Region } from './required-region.ts'

/** A region of the cut as an expression of a crop and of padding masks. */
export interface CropExpression {
  /**
   * `[n, c, rows, columns]`: the pixels that the region depends on. Outside of the images they may
   * be any finite number.
   */
  readonly crop: Value
  /** Where each layer's padding begins. */
  readonly masks: readonly PaddingMask[]
  /** `[n, rows, columns, c]` */
  readonly positions: Value
}

/**
 * A placeholder `[n, 1, rows, columns]` for a region of a value: 1 at positions inside the value,
 * 0 in the padding.
 */
export interface PaddingMask {
  readonly value: Value
  readonly axes: readonly [rows: MaskAxis, columns: MaskAxis]
}

/**
 * Position i of the region is position `step·first + offset + i` of the value, where `first` is the
 * first position of the cut. It is inside if that is one of `size`.
 */
export interface MaskAxis {
  readonly step: number
  readonly offset: number
  readonly length: number
  readonly size: number
}

/** Fills the mask `[rows, columns]` of an example whose region of the cut begins at `first`. */
export function fillMask(
  [rows, columns]: PaddingMask['axes'],
  first: readonly [row: number, column: number],
  output: Float32Array,
): void {
  const top = first[0] * rows.step + rows.offset
  const left = first[1] * columns.step + columns.offset
  for (let row = 0; row < rows.length; row++) {
    const isRowInside = top + row >= 0 && top + row < rows.size
    for (let column = 0; column < columns.length; column++) {
      const isInside = isRowInside && left + column >= 0 && left + column < columns.size
      output[row * columns.length + column] = Number(isInside)
    }
  }
}

/** An expression of a region of the cut. @param size rows and columns of the region */
export function cropExpression(
  cut: Pick<Cut, 'value' | 'receptiveField'>,
  images: Value,
  size: readonly [rows: number, columns: number],
): CropExpression {
  return new CropBuilder(cut, images, size).build()
}

/** Rebuilds the layers before a cut node by node, each on the region that later layers need. */
class CropBuilder {
  readonly #cut: Pick<Cut, 'value' | 'receptiveField'>
  readonly #images: Value
  readonly #size: readonly [number, number]
  readonly #order: readonly Node[]
  readonly #regions: ReadonlyMap<Value, Region>
  readonly #receptiveFields: ReadonlyMap<Value, ReceptiveField>
  /** The region of each value, as computed so far. */
  readonly #cropped = new Map<Value, Value>()
  readonly #masks: PaddingMask[] = []

  constructor(
    cut: Pick<Cut, 'value' | 'receptiveField'>,
    images: Value,
    size: readonly [number, number],
  ) {
    this.#cut = cut
    this.#images = images
    this.#size = size
    this.#order = dependentNodes(cut.value, images)
    this.#regions = findRegions(cut.value, size, this.#order)
    this.#receptiveFields = findReceptiveFields(cut.value, images)
  }

  build(): CropExpression {
    const images = this.#images
    const [rows, columns] = this.#regions.get(images)!
    const shape = ['n', images.shape[1]!, rows.length, columns.length]
    const crop = g.input('crop', images.dtype, shape)
    this.#cropped.set(images, crop)
    for (const node of this.#order) {
      const [y] = node.outputs
      const region = this.#regions.get(y!)
      if (!region || node === images.node) continue
      const inputs = node.inputs.map((input) => input && this.#cropInput(node, input, region))
      this.#cropped.set(y!, applyUnpadded(node, inputs))
    }
    const positions = g.transpose(this.#cropped.get(this.#cut.value)!, [0, 2, 3, 1])
    return { crop, masks: this.#masks, positions }
  }

  /** The part of an input that a region of the node's output needs, with explicit padding. */
  #cropInput(node: Node, input: Value, region: Region): Value {
    const available = this.#regions.get(input)
    if (!available) return input
    const needed = inputRegion(node, region)
    const part = sliceRegion(
      this.#cropped.get(input)!,
      needed.map(({ offset }, axis) => offset - available[axis]!.offset),
      needed.map(({ length }) => length),
    )
    const mask = windowsOf(node) && this.#maskFor(input, needed)
    if (!mask) return part
    return node.op === 'MaxPool' ? padWithMinimum(part, mask) : padWithZero(part, mask)
  }

  /** The mask of a region of a value; undefined if it never extends into the padding. */
  #maskFor(of: Value, region: Region): Value | undefined {
    const cutField = this.#cut.receptiveField
    const axes = this.#receptiveFields.get(of)!.map(({ size, stride }, axis) => ({
      step: cutField[axis]!.stride / stride,
      size,
      ...region[axis]!,
    })) as [MaskAxis, MaskAxis]
    const isInside = axes.every(({ step, offset, length, size }, axis) => {
      const lastFirst = (cutField[axis]!.size - this.#size[axis]!) * step
      return offset >= 0 && lastFirst + offset + length <= size
    })
    if (isInside) return undefined
    const key = JSON.stringify(axes)
    const existing = this.#masks.find((mask) => JSON.stringify(mask.axes) === key)
    if (existing) return existing.value
    const shape = ['n', 1, ...axes.map(({ length }) => length)]
    const value = g.input(`mask ${this.#masks.length}`, 'float32', shape)
    this.#masks.push({ value, axes })
    return value
  }
}

/** The same operator without padding: the inputs contain it. */
function applyUnpadded(node: Node, inputs: readonly (Value | null)[]): Value {
  const pads = windowsOf(node) ? { auto_pad: 'NOTSET', pads: [0, 0, 0, 0] } : {}
  return g.op(node.op, inputs, { ...node.attributes, ...pads }, node.name)[0]!
}

/** Sets the padding to 0, as for convolutions. */
function padWithZero(x: Value, mask: Value): Value {
  return g.mul(x, isBlocked(x) ? scaleMask(mask, x, 1, 0) : mask)
}

/** Sets the padding to a number in the place of −∞, as for MaxPool. */
function padWithMinimum(x: Value, mask: Value): Value {
  const masked = padWithZero(x, mask)
  if (!isBlocked(x)) return g.add(masked, g.mul(g.sub(mask, 1), negligible))
  // onnxruntime fuses the sum into the convolution and starts from x, so that the convolution must
  // not cancel large numbers: here it only changes the sign.
  const magnitude = g.relu(scaleMask(mask, x, -negligible, negligible))
  const channels = x.shape[1] as number
  const sign = filled([channels, 1, 1, 1], -1)
  return g.add(masked, g.conv(magnitude, sign, null, { group: channels }))
}

/** −negligible is below every activation. */
const negligible = 2 ** 100

/** scale · mask + offset, repeated for each channel of x, in the blocked layout. */
function scaleMask(mask: Value, x: Value, scale: number, offset: number): Value {
  const channels = x.shape[1] as number
  const bias = offset === 0 ? null : filled([channels], offset)
  return g.conv(mask, filled([channels, 1, 1, 1], scale), bias)
}

/** A part of the rows and columns. */
function sliceRegion(x: Value, starts: readonly number[], lengths: readonly number[]): Value {
  const margins = lengths.map((length, i) => (x.shape[i + 2] as number) - length)
  if (margins.every((margin) => margin === 0)) return x
  const channels = x.shape[1] as number
  const isCentered = margins.every((margin, i) => margin === 2 * starts[i]!)
  if (isBlocked(x) && isCentered) {
    // A dilated convolution with only its middle tap: faster than leaving the blocked layout.
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
