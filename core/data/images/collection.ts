/** Images in files: labels are known before any image is decoded. */
import { ConfigError } from '../../base/errors.ts'
import { maxDatasetBytes } from '../limits.ts'
import { fitPicture, withChannels } from './resize.ts'
import type { ImageSettings, Picture } from './settings.ts'

/** Labeled images that are not decoded yet. */
export interface ImageCollection {
  /** `[n]`. */
  readonly labels: Int32Array
  readonly classNames?: readonly string[]
  /** Decodes an image. */
  decode(row: number): Promise<Picture>
  /** Name of an image, for messages. */
  nameOf(row: number): string
}

/** Decoded images of one size. */
export interface DecodedImages {
  /** `[channels, height, width]`. */
  readonly shape: readonly [number, number, number]
  /** `[n, channels, height, width]`. */
  readonly pixels: Uint8Array
}

/**
 * Decodes some images of a collection and brings them to one size.
 * @throws ConfigError ROBENCH_DATA for an image that cannot be decoded, images of several sizes,
 * or too many pixels in total
 */
export async function decodeImages(
  collection: ImageCollection,
  rows: Int32Array,
  settings: ImageSettings = {},
): Promise<DecodedImages> {
  const pictures: Picture[] = []
  let bytes = 0
  for (const row of rows) {
    const picture = fitPicture(await collection.decode(row), settings)
    const [first] = pictures
    if (first && (first.width !== picture.width || first.height !== picture.height)) {
      throw new ConfigError(
        'ROBENCH_DATA',
        `${collection.nameOf(row)}: ${sizeOf(picture)} pixels, but ` +
          `${collection.nameOf(rows[0]!)} has ${sizeOf(first)}; bring all images to one size ` +
          'with --size H,W, or --resize and --crop (in a suite, dataset.image)',
      )
    }
    bytes += picture.data.length
    if (bytes > maxDatasetBytes) {
      throw new ConfigError(
        'ROBENCH_DATA',
        `${collection.nameOf(row)}: the images take more than ${maxDatasetBytes / 2 ** 30} GiB; ` +
          'use a sample (--sample 1000), or smaller images',
      )
    }
    pictures.push(picture)
  }
  const gray = pictures.every(({ channels }) => channels === 1)
  const channels = settings.channels ?? (gray ? 1 : 3)
  const [{ width, height } = { width: 0, height: 0 }] = pictures
  const plane = width * height
  const pixels = new Uint8Array(pictures.length * channels * plane)
  pictures.forEach((picture, n) => {
    const { data } = withChannels(picture, channels)
    for (let c = 0; c < channels; c++) {
      const start = (n * channels + c) * plane
      for (let i = 0; i < plane; i++) pixels[start + i] = data[i * channels + c]!
    }
  })
  return { shape: [channels, height, width], pixels }
}

function sizeOf({ width, height }: Picture): string {
  return `${width} × ${height}`
}
