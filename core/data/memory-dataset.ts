/** A Dataset over pixels and labels in memory. */
import { hashBytes, hashJson } from '../base/hash.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { Dataset } from './dataset.ts'

/** Decoded 8-bit images: `labels.length` images of one size, each `[channels, height, width]`. */
export interface LabeledPixels {
  readonly pixels: Uint8Array
  readonly labels: Int32Array
}

/** The parts of a Dataset that do not follow from its pixels and labels, and these. */
export interface DatasetParts
  extends
    Pick<Dataset, 'id' | 'title' | 'split' | 'toy' | 'shape' | 'classNames'>,
    Partial<Pick<Dataset, 'bounds' | 'positions' | 'total' | 'sample' | 'doubts'>> {
  /** False if `classNames` are only the numbers up to the largest label; default: true. */
  readonly namesClasses?: boolean
  /** `[count, channels, height, width]`: 8-bit values, or float32 in the bounds. Not copied. */
  readonly pixels: Uint8Array | Float32Array
  /** `[count]`. */
  readonly labels: Int32Array
}

/** A Dataset over arrays in memory, by default in [0, 1]. The hash is computed on first use. */
export function memoryDataset(parts: DatasetParts): Dataset {
  const { id, title, split, toy, shape, classNames, pixels, labels } = parts
  const { bounds = [0, 1], positions, sample, total = labels.length, doubts } = parts
  const rowSize = shape[0] * shape[1] * shape[2]
  const scale = pixels instanceof Uint8Array ? byteScale(bounds) : undefined
  let hash: string | undefined
  return {
    id,
    title,
    split,
    toy,
    count: labels.length,
    total,
    shape,
    classNames,
    classes: parts.namesClasses === false ? undefined : classNames.length,
    labels,
    bounds,
    ...(positions && { positions }),
    ...(sample && { sample }),
    ...(doubts && { doubts }),
    get hash() {
      hash ??= identityOf(hashPixels(pixels, labels, shape), bounds, positions)
      return hash
    },
    rows(indices): FloatTensor {
      const data = new Float32Array(indices.length * rowSize)
      for (let i = 0; i < indices.length; i++) {
        const index = indices[i]!
        if (!(index >= 0 && index < labels.length)) {
          throw new RangeError(`${id}: row ${index} of a data set of ${labels.length}`)
        }
        const from = index * rowSize
        const to = i * rowSize
        if (scale === undefined) data.set(pixels.subarray(from, from + rowSize), to)
        else for (let j = 0; j < rowSize; j++) data[to + j] = scale[pixels[from + j]!]!
      }
      return { dtype: 'float32', shape: [indices.length, ...shape], data }
    },
  }
}

/** The number of classes of labels without class names: the highest label plus 1. */
export function countClasses(labels: Int32Array): number {
  return labels.reduce((highest, label) => Math.max(highest, label), 0) + 1
}

/** The numbers of the classes of labels without class names, as their names. */
export function numberedClasses(labels: Int32Array): string[] {
  return Array.from({ length: countClasses(labels) }, (_, label) => String(label))
}

/** The value in the bounds, rounded to float32, for each 8-bit value. */
function byteScale([low, high]: readonly [number, number]): Float32Array {
  return Float32Array.from({ length: 256 }, (_, value) => low + ((high - low) * value) / 255)
}

/** The hash of the content, unless it is read in another way than by default. */
function identityOf(
  content: string,
  bounds: readonly [number, number],
  positions: Int32Array | undefined,
): string {
  const isPlain = bounds[0] === 0 && bounds[1] === 1
  if (isPlain && !positions) return content
  const chosen = positions && { positions: hashBytes(bytesOf(positions)) }
  return hashJson({ content, ...(!isPlain && { bounds }), ...chosen })
}

function hashPixels(
  pixels: Uint8Array | Float32Array,
  labels: Int32Array,
  shape: readonly number[],
): string {
  const dtype = pixels instanceof Uint8Array ? 'uint8' : 'float32'
  const head = new TextEncoder().encode(JSON.stringify([dtype, labels.length, ...shape]))
  return hashBytes(head, bytesOf(pixels), bytesOf(labels))
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
