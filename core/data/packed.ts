/** A loaded data set as bytes, to be read on another machine without its files. */
import { ConfigError } from '../base/errors.ts'
import { sizeOf } from '../engine/tensor/tensor.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { Dataset } from './dataset.ts'

/** Types of arrays in a packed data set. */
const arrayTypes = { Uint8Array, Int32Array, Float32Array, Float64Array } as const

type ArrayType = keyof typeof arrayTypes
type PackedArray = Uint8Array | Int32Array | Float32Array | Float64Array

/** Where an array is in the bytes after the header. */
interface ArrayPlace {
  readonly type: ArrayType
  /** In bytes; a multiple of 8. */
  readonly offset: number
  readonly length: number
}

interface PackedHeader {
  readonly robench: 'dataset'
  readonly version: 1
  /** All fields of the data set. An array is `{ "array": place }`. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly arrays: readonly ArrayPlace[]
  /** Place of the pixels: 8-bit values of `bounds` if every pixel is one, else float32. */
  readonly pixels: number
}

/** Rows that are read at a time, so that the pixels are in memory only once as float32. */
const rowsAtOnce = 256

/** Packs a data set: every field, and the pixels without loss. */
export function packDataset(dataset: Dataset): Uint8Array {
  const arrays: PackedArray[] = []
  const { rows: _rows, ...fields } = dataset
  const packed = packValue(fields, arrays)
  const pixels = arrays.push(asBytes(dataset) ?? asFloats(dataset)) - 1
  let offset = 0
  const places = arrays.map((array): ArrayPlace => {
    const place = { type: typeOf(array), offset, length: array.length }
    offset += aligned(array.byteLength)
    return place
  })
  const header: PackedHeader = {
    robench: 'dataset',
    version: 1,
    // packValue keeps records as records.
    fields: packed as Readonly<Record<string, unknown>>,
    arrays: places,
    pixels,
  }
  const head = new TextEncoder().encode(JSON.stringify(header))
  const start = aligned(8 + head.length)
  const bytes = new Uint8Array(start + offset)
  new DataView(bytes.buffer).setUint32(0, head.length, true)
  bytes.set(head, 8)
  for (const [place, array] of arrays.entries()) {
    const view = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
    bytes.set(view, start + places[place]!.offset)
  }
  return bytes
}

/**
 * Reads a packed data set.
 * @param name of the file, for messages
 * @throws ConfigError ROBENCH_DATA if the bytes are not a packed data set
 */
export function unpackDataset(bytes: Uint8Array, name: string): Dataset {
  try {
    // Arrays need an aligned start, which a copy has.
    return unpack(bytes.slice())
  } catch (cause) {
    throw new ConfigError(
      'ROBENCH_DATA',
      `${name}: is not a packed data set of this version: ${String(cause)}`,
      { cause },
    )
  }
}

function unpack(bytes: Uint8Array<ArrayBuffer>): Dataset {
  const { buffer, byteOffset, byteLength } = bytes
  const length = new DataView(buffer, byteOffset, byteLength).getUint32(0, true)
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length))
  const { fields, arrays, pixels, robench, version } = JSON.parse(text) as PackedHeader
  if (robench !== 'dataset' || version !== 1) throw new TypeError('unknown header')
  const start = byteOffset + aligned(8 + length)
  const read = arrays.map(
    (place) => new arrayTypes[place.type](buffer, start + place.offset, place.length),
  )
  // The fields are those of a data set of the same version of robench.
  const known = unpackValue(fields, read) as Omit<Dataset, 'rows'>
  // JSON has no undefined.
  const dataset = { ...known, classes: known.classes }
  const values = read[pixels]!
  const { shape, count, labels, bounds } = dataset
  if (values.length !== count * sizeOf(shape) || labels.length !== count) {
    throw new TypeError('its sizes do not match')
  }
  const scale = values instanceof Uint8Array ? byteScale(bounds) : undefined
  return { ...dataset, rows: (indices) => selectRows(values, scale, dataset, indices) }
}

function selectRows(
  values: PackedArray,
  scale: Float32Array | undefined,
  { id, shape, count }: Pick<Dataset, 'id' | 'shape' | 'count'>,
  indices: ArrayLike<number>,
): FloatTensor {
  const size = sizeOf(shape)
  const data = new Float32Array(indices.length * size)
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!
    if (!(index >= 0 && index < count)) {
      throw new RangeError(`${id}: row ${index} of a data set of ${count}`)
    }
    const row = values.subarray(index * size, (index + 1) * size)
    if (!scale) data.set(row, i * size)
    else for (let j = 0; j < size; j++) data[i * size + j] = scale[row[j]!]!
  }
  return { dtype: 'float32', shape: [indices.length, ...shape], data }
}

/** The value of each 8-bit value, as data sets of 8-bit pixels have it. */
function byteScale([low, high]: Dataset['bounds']): Float32Array {
  return Float32Array.from({ length: 256 }, (_, value) => low + ((high - low) * value) / 255)
}

/** The pixels as 8-bit values; undefined if that would change one. */
function asBytes(dataset: Dataset): Uint8Array | undefined {
  const scale = byteScale(dataset.bounds)
  const [low, high] = dataset.bounds
  const bytes = new Uint8Array(dataset.count * sizeOf(dataset.shape))
  let at = 0
  for (const data of batches(dataset)) {
    for (const value of data) {
      const byte = Math.round(((value - low) / (high - low)) * 255)
      if (!Object.is(scale[byte], value)) return undefined
      bytes[at++] = byte
    }
  }
  return bytes
}

function asFloats(dataset: Dataset): Float32Array {
  const floats = new Float32Array(dataset.count * sizeOf(dataset.shape))
  let at = 0
  for (const data of batches(dataset)) {
    floats.set(data, at)
    at += data.length
  }
  return floats
}

function* batches(dataset: Dataset): Generator<Float32Array> {
  for (let start = 0; start < dataset.count; start += rowsAtOnce) {
    const length = Math.min(rowsAtOnce, dataset.count - start)
    yield dataset.rows(Int32Array.from({ length }, (_, i) => start + i)).data
  }
}

function packValue(value: unknown, arrays: PackedArray[]): unknown {
  if (isPackedArray(value)) return { array: arrays.push(value) - 1 }
  if (Array.isArray(value)) return value.map((item) => packValue(item, arrays))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, packValue(item, arrays)]),
  )
}

function unpackValue(value: unknown, arrays: readonly PackedArray[]): unknown {
  if (Array.isArray(value)) return value.map((item) => unpackValue(item, arrays))
  if (typeof value !== 'object' || value === null) return value
  const place: unknown = Reflect.get(value, 'array')
  if (typeof place === 'number') return arrays[place]
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, unpackValue(item, arrays)]),
  )
}

function isPackedArray(value: unknown): value is PackedArray {
  return Object.values(arrayTypes).some((type) => value instanceof type)
}

function typeOf(array: PackedArray): ArrayType {
  if (array instanceof Uint8Array) return 'Uint8Array'
  if (array instanceof Int32Array) return 'Int32Array'
  return array instanceof Float32Array ? 'Float32Array' : 'Float64Array'
}

function aligned(length: number): number {
  return 8 * Math.ceil(length / 8)
}
