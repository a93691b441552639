/** The positions of a cut that changed windows reach, computed from crops of the images. */
import {
  cropExpression,
  fillMask,
  firstPixel,
  firstPosition,
  pixelsOf,
  type Cut,
  type InsideMask,
} from './split-network.ts'
import { Session, type SessionOptions } from '../../engine/graph/session.ts'
import type { Value } from '../../engine/graph/value.ts'
import { float32, sizeOf, type FloatTensor } from '../../engine/tensor/tensor.ts'
import type { ActivationRegion, Pair } from './activation-cache.ts'
import type { PixelWindow } from '../window-queries.ts'

/** A row of a batch of images, and where it has changed. */
export interface ChangedRow {
  readonly row: number
  readonly window: PixelWindow
}

/** Of windows that reach equally many positions of the cut. */
export class CropSession {
  readonly #cut: Cut
  readonly #count: Pair
  readonly #session: Session
  readonly #masks: readonly MaskRows[]
  /** By the first position: where the pixels of a crop lie. */
  readonly #sources = new Map<number, Int32Array>()
  /** Where crops are put together, time after time. */
  #crops = new Float32Array(0)

  private constructor(cut: Cut, count: Pair, session: Session, masks: readonly MaskRows[]) {
    this.#cut = cut
    this.#count = count
    this.#session = session
    this.#masks = masks
  }

  static async compile(
    cut: Cut,
    images: Value,
    count: Pair,
    options: SessionOptions,
    name: string,
  ): Promise<CropSession> {
    const { positions, crop, masks } = cropExpression(cut, images, count)
    const inputs = [crop, ...masks.map(({ value }) => value)]
    const session = await Session.compile({ positions }, inputs, options, name)
    return new CropSession(
      cut,
      count,
      session,
      masks.map((mask) => new MaskRows(mask)),
    )
  }

  /** The positions that each window reaches. @param points `[n, c, h, w]`, whole */
  async run(
    points: FloatTensor,
    rows: readonly ChangedRow[],
    name: string,
  ): Promise<ActivationRegion[]> {
    const { reach } = this.#cut
    const count = this.#count
    const first = rows.map(({ window: { top, left } }): Pair => [
      firstPosition(reach[0], top, count[0]),
      firstPosition(reach[1], left, count[1]),
    ])
    const feeds = Object.fromEntries(this.#masks.map((mask) => [mask.name, mask.of(first)]))
    const answers = await this.#session.run(
      { ...feeds, crop: this.#copyCrops(points, rows, first) },
      name,
    )
    const { data } = answers['positions'] as FloatTensor
    const length = data.length / rows.length
    return first.map((place, i) => ({
      data: data.subarray(i * length, (i + 1) * length),
      origin: place,
      size: count,
    }))
  }

  async release(): Promise<void> {
    await this.#session.release()
  }

  /** The pixels that positions from these on depend on. */
  #copyCrops(
    { data, shape }: FloatTensor,
    rows: readonly ChangedRow[],
    first: readonly Pair[],
  ): FloatTensor {
    const [channels, height, width] = shape.slice(1) as [number, number, number]
    const lengths = this.#count.map((count, axis) => pixelsOf(this.#cut.reach[axis]!, count))
    const size = channels * sizeOf(lengths)
    this.#crops = atLeast(this.#crops, rows.length * size)
    const planes = { images: data, channels, plane: height * width, crops: this.#crops }
    rows.forEach(({ row }, place) => {
      copyCrop(planes, row, this.#sourcesOf(first[place]!, lengths, height, width), place)
    })
    return float32([rows.length, channels, ...lengths], this.#crops.subarray(0, rows.length * size))
  }

  /** Where in a plane `[h, w]` the pixels of a crop lie; in place of those outside, the nearest at the edge. */
  #sourcesOf(first: Pair, lengths: readonly number[], height: number, width: number): Int32Array {
    const key = keyOf(first)
    let sources = this.#sources.get(key)
    if (!sources) {
      const { reach } = this.#cut
      const [rows, columns] = [height, width].map((size, axis) => {
        const start = firstPixel(reach[axis]!, first[axis]!)
        return Array.from({ length: lengths[axis]! }, (_, i) =>
          Math.max(0, Math.min(size - 1, start + i)),
        )
      })
      sources = Int32Array.from(
        rows!.flatMap((row) => columns!.map((column) => row * width + column)),
      )
      this.#sources.set(key, sources)
    }
    return sources
  }
}

/** The masks of a batch. */
class MaskRows {
  readonly name: string
  readonly #axes: InsideMask['axes']
  readonly #shape: readonly number[]
  /** By the first position. */
  readonly #known = new Map<number, Float32Array>()
  #rows = new Float32Array(0)

  constructor({ value, axes }: InsideMask) {
    this.name = value.node.name
    this.#axes = axes
    this.#shape = value.shape.slice(1) as number[]
  }

  of(first: readonly Pair[]): FloatTensor {
    const size = sizeOf(this.#shape)
    this.#rows = atLeast(this.#rows, first.length * size)
    first.forEach((place, row) => this.#rows.set(this.#at(place), row * size))
    return float32([first.length, ...this.#shape], this.#rows.subarray(0, first.length * size))
  }

  #at(first: Pair): Float32Array {
    const key = keyOf(first)
    let mask = this.#known.get(key)
    if (!mask) {
      mask = new Float32Array(sizeOf(this.#shape))
      fillMask(this.#axes, first, mask)
      this.#known.set(key, mask)
    }
    return mask
  }
}

/** An array of that length or more; the same one if it is long enough. */
function atLeast(buffer: Float32Array<ArrayBuffer>, length: number): Float32Array<ArrayBuffer> {
  return buffer.length < length ? new Float32Array(length) : buffer
}

function keyOf(first: Pair): number {
  return first[0] * 2 ** 16 + first[1]
}

interface Planes {
  /** `[n, c, h, w]` */
  readonly images: Float32Array
  readonly channels: number
  /** Pixels of one. */
  readonly plane: number
  /** `[n, c, …]` */
  readonly crops: Float32Array
}

// Pixel by pixel, with all that the loops need in variables, it takes a third of the time.
function copyCrop(planes: Planes, row: number, sources: Int32Array, place: number): void {
  const { images, channels, plane, crops } = planes
  const from = row * channels * plane
  const to = place * channels * sources.length
  for (let i = 0; i < sources.length; i++) {
    let source = from + sources[i]!
    let target = to + i
    for (let channel = 0; channel < channels; channel++) {
      crops[target] = images[source]!
      source += plane
      target += sources.length
    }
  }
}
