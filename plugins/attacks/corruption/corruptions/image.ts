/** Images as the corruptions process them, and conversion to 8 bits. */

/**
 * An image `[channels, height, width]` with values in [0, 1]. Three channels are red, green, and
 * blue; an image with any other number of channels has no color.
 */
export interface Image {
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly data: Float64Array
}

/** Applies a function to each value of an image. */
export function mapValues(image: Image, change: (value: number) => number): Image {
  return { ...image, data: image.data.map(change) }
}

/** Makes a layer of one channel with the given size, filled row by row. */
export function makeLayer(size: Pick<Image, 'height' | 'width'>, fill: () => number): Image {
  const { height, width } = size
  const data = Float64Array.from({ length: height * width }, fill)
  return { channels: 1, height, width, data }
}

/** Applies `combine(value, channel, place)` to each value; `place` is the pixel's index `[h·w]`. */
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

/** True if the channels are red, green, and blue. */
export function hasColor(image: Image): boolean {
  return image.channels === 3
}

/** Clips a value to [0, 1]. */
export function clip(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value
}

/** Clips a value to [0, 1] and rounds it to the nearest multiple of 1/255. */
export function roundToByte(value: number): number {
  return Math.round(255 * clip(value)) / 255
}

/**
 * Clips a value to [0, 1] and truncates it to a multiple of 1/255, as NumPy's conversion to 8 bits
 * does. A tolerance of a millionth of a step absorbs rounding errors.
 */
export function cutToByte(value: number): number {
  return Math.floor(255 * clip(value) + 1e-6) / 255
}
