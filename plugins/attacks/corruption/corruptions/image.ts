/** Images as the corruptions see them, and their 8-bit form. */

/** Values from 0 to 1 in `data`, `[channels, height, width]`. Three channels are red, green, blue; others have no color. */
export interface Image {
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly data: Float64Array
}

/** An image of the same size, each value computed from the old one. */
export function mapValues(image: Image, change: (value: number) => number): Image {
  return { ...image, data: image.data.map(change) }
}

/** A layer of one channel as large as the image, filled row by row. */
export function makeLayer(size: Pick<Image, 'height' | 'width'>, fill: () => number): Image {
  const { height, width } = size
  const data = Float64Array.from({ length: height * width }, fill)
  return { channels: 1, height, width, data }
}

/** `combine(value, channel, place)` for every value; `place` counts the pixels of a channel. */
export function mapPixels(
  image: Image,
  combine: (value: number, channel: number, place: number) => number,
): Image {
  const plane = image.height * image.width
  const data = image.data.map((value, index) =>
    combine(value, Math.floor(index / plane), index % plane),
  )
  return { ...image, data }
}

/** True if the channels are red, green and blue. */
export function hasColor(image: Image): boolean {
  return image.channels === 3
}

export function clip(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value
}

/** The nearest multiple of 1/255, clipped: what a program with 8-bit images rounds to. */
export function roundToByte(value: number): number {
  return Math.round(255 * clip(value)) / 255
}

/**
 * The multiple of 1/255 at or below, clipped: what NumPy's conversion to 8 bits leaves.
 * A millionth of a step is forgiven to rounding errors.
 */
export function cutToByte(value: number): number {
  return Math.floor(255 * clip(value) + 1e-6) / 255
}
