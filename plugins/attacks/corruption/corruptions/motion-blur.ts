/** Blur along a direction, as in ImageMagick's motion blur. */
import { insideBorder, normalized } from './filters.ts'
import { roundToByte } from './image.ts'
import type { Image } from './image.ts'

/** Extent and direction of a motion blur. */
export interface Motion {
  /** Half the length of the blur, in pixels. */
  readonly radius: number
  /** Standard deviation of the half Gaussian over the distance, in pixels. */
  readonly deviation: number
  /** In degrees, clockwise from the right (rows count downward). */
  readonly angle: number
}

/**
 * Replaces each pixel by a weighted mean of 2 · radius + 1 pixels that start at the pixel itself,
 * which has the largest weight, and follow the direction. Each is the nearest to the line. The edge
 * is repeated. Input and output are rounded to 8 bits, as in the authors' code, which passes image
 * files to ImageMagick.
 */
export function smear(image: Image, { radius, deviation, angle }: Motion): Image {
  const { channels, height, width } = image
  const data = image.data.map(roundToByte)
  const length = 2 * Math.ceil(radius) + 1
  const weights = normalized(
    Float64Array.from({ length }, (_, i) => Math.exp(-(i * i) / (2 * deviation * deviation))),
  )
  const radians = (angle * Math.PI) / 180
  const sum = new Float64Array(data.length)
  weights.forEach((weight, i) => {
    const right = Math.ceil(i * Math.cos(radians) - 0.5)
    const down = Math.ceil(i * Math.sin(radians) - 0.5)
    const columns = Int32Array.from({ length: width }, (_, x) =>
      insideBorder(x + right, width, 'nearest'),
    )
    for (let row = 0; row < channels * height; row++) {
      const y = row % height
      const source = row - y + insideBorder(y + down, height, 'nearest')
      for (let x = 0; x < width; x++) {
        sum[row * width + x]! += weight * data[source * width + columns[x]!]!
      }
    }
  })
  return { ...image, data: sum.map(roundToByte) }
}
