/** Computes the regions of a cut that changed windows affect, from crops of the images. */
import { Session, type SessionOptions } from '../../engine/graph/session.ts'
import type { Value } from '../../engine/graph/value.ts'
import { float32, sizeOf, type FloatTensor } from '../../engine/tensor/tensor.ts'
import type { ActivationRegion, Pair } from './activation-cache.ts'
import type { PixelWindow } from '../window-queries.ts'
import type { Cut } from './choose-cut.ts'
import { cropExpression, fillMask, type PaddingMask } from './crop-expression.ts'
import { firstPixel, firstPosition, pixelsOf } from './receptive-field.ts'

/** A row of a batch of images and its changed window. */
export interface ChangedRow {
  readonly row: number
  readonly window: PixelWindow
}

/** The session for all windows that affect regions of one size. */
export class CropSession {
  readonly #cut: Cut
  /** The size of the region. */
  readonly #size: Pair
  readonly #session: Session
  readonly #masks: readonly MaskCache[]
  /** By first position of the region: the index in a plane of each pixel of the crop. */
  readonly #pixelIndices = new Map<number, Int32Array>()
  /** The buffer for crops, reused by each run. */
  #crops = new Float32Array(0)

  private constructor(cut: Cut, size: Pair, session: Session, masks: readonly MaskCache[]) {
    this.#cut = cut
    this.#size = size
    this.#session = session
    this.#masks = masks
  }

  /** @param size rows and columns of the region */
  static async compile(
    cut: Cut,
    images: Value,
    size: Pair,
    options: SessionOptions,
    name: string,
  ): Promise<CropSession> {
    const { positions, crop, masks } = cropExpression(cut, images, size)
    const inputs = [crop, ...masks.map(({ value }) => value)]
    const session = await Session.compile({ positions }, inputs, options, name)
    return new CropSession(
      cut,
      size,
      session,
      masks.map((mask) => new MaskCache(mask)),
    )
  }

  /** The region that each row's window affects. @param points `[n, c, h, w]`, complete */
  async run(
    points: FloatTensor,
    rows: readonly ChangedRow[],
    name: string,
  ): Promise<ActivationRegion[]> {
    const [ofRows, ofColumns] = this.#cut.receptiveField
    const size = this.#size
    const origins = rows.map(({ window: { top, left } }): Pair => [
      firstPosition(ofRows, top, size[0]),
      firstPosition(ofColumns, left, size[1]),
    ])
    const feeds = Object.fromEntries(this.#masks.map((mask) => [mask.name, mask.batch(origins)]))
    const outputs = await this.#session.run(
      { ...feeds, crop: this.#copyCrops(points, rows, origins) },
      name,
    )
    const { data } = outputs['positions'] as FloatTensor
    const length = data.length / rows.length
    return origins.map((origin, i) => ({
      data: data.subarray(i * length, (i + 1) * length),
      origin,
      size,
    }))
  }

  /** Frees the native session. */
  async release(): Promise<void> {
    await this.#session.release()
  }

  /** The pixels that each row's region depends on. */
  #copyCrops(
    { data, shape }: FloatTensor,
    rows: readonly ChangedRow[],
    origins: readonly Pair[],
  ): FloatTensor {
    const [channels, height, width] = shape.slice(1) as [number, number, number]
    const lengths = this.#size.map((count, axis) =>
      pixelsOf(this.#cut.receptiveField[axis]!, count),
    )
    const size = channels * sizeOf(lengths)
    this.#crops = atLeast(this.#crops, rows.length * size)
    const planes = { images: data, channels, plane: height * width, crops: this.#crops }
    rows.forEach(({ row }, place) => {
      copyCrop(planes, row, this.#indicesOf(origins[place]!, lengths, height, width), place)
    })
    return float32([rows.length, channels, ...lengths], this.#crops.subarray(0, rows.length * size))
  }

  /** The index in a plane `[h, w]` of each pixel of a crop; outside, that of the nearest pixel. */
  #indicesOf(origin: Pair, lengths: readonly number[], height: number, width: number): Int32Array {
    const key = keyOf(origin)
    let indices = this.#pixelIndices.get(key)
    if (!indices) {
      const [rows, columns] = [height, width].map((size, axis) => {
        const start = firstPixel(this.#cut.receptiveField[axis]!, origin[axis]!)
        return Array.from({ length: lengths[axis]! }, (_, i) =>
          Math.max(0, Math.min(size - 1, start + i)),
        )
      })
      indices = Int32Array.from(
        rows!.flatMap((row) => columns!.map((column) => row * width + column)),
      )
      this.#pixelIndices.set(key, indices)
    }
    return indices
  }
}

/** One padding mask, cached by origin of the region. */
class MaskCache {
  readonly name: string
  readonly #axes: PaddingMask['axes']
  readonly #shape: readonly number[]
  readonly #masks = new Map<number, Float32Array>()
  /** The buffer for batches, reused by each run. */
  #batch = new Float32Array(0)

  constructor({ value, axes }: PaddingMask) {
    this.name = value.node.name
    this.#axes = axes
    this.#shape = value.shape.slice(1) as number[]
  }

  /** `[n, 1, rows, columns]`: the masks of regions with these origins. */
  batch(origins: readonly Pair[]): FloatTensor {
    const size = sizeOf(this.#shape)
    this.#batch = atLeast(this.#batch, origins.length * size)
    origins.forEach((origin, row) => this.#batch.set(this.#maskAt(origin), row * size))
    return float32([origins.length, ...this.#shape], this.#batch.subarray(0, origins.length * size))
  }

  #maskAt(origin: Pair): Float32Array {
    const key = keyOf(origin)
    let mask = this.#masks.get(key)
    if (!mask) {
      mask = new Float32Array(sizeOf(this.#shape))
      fillMask(this.#axes, origin, mask)
      this.#masks.set(key, mask)
    }
    return mask
  }
}

/** The buffer, or a new one if it is too short. */
function atLeast(buffer: Float32Array<ArrayBuffer>, length: number): Float32Array<ArrayBuffer> {
  return buffer.length < length ? new Float32Array(length) : buffer
}

function keyOf(origin: Pair): number {
  return origin[0] * 2 ** 16 + origin[1]
}

interface Planes {
  /** `[n, c, h, w]` */
  readonly images: Float32Array
  readonly channels: number
  /** Pixels per plane. */
  readonly plane: number
  /** `[n, c, …]` */
  readonly crops: Float32Array
}

// A loop over pixels, with everything in local variables, takes a third of the time.
function copyCrop(planes: Planes, row: number, indices: Int32Array, place: number): void {
  const { images, channels, plane, crops } = planes
  const from = row * channels * plane
  const to = place * channels * indices.length
  for (let i = 0; i < indices.length; i++) {
    let source = from + indices[i]!
    let target = to + i
    for (let channel = 0; channel < channels; channel++) {
      crops[target] = images[source]!
      source += plane
      target += indices.length
    }
  }
}
