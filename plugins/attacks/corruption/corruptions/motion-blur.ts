/** Blur along a direction, as ImageMagick's motion blur does it. */
import { insideBorder, normalized } from './filters.ts'
import { roundToByte } from './image.ts'
import type { Image } from './image.ts'

export interface Motion {
  /** Half the length of the smear, in pixels. */
  readonly radius: number
  /** Standard deviation of the half bell over the distance, in pixels. */
  readonly deviation: number
  /** Degrees, clockwise from the right (rows count downwards). */
  readonly angle: number
}

/**
 * Every pixel becomes the mean of the 2 · radius + 1 pixels from itself, the heaviest, on in the direction, each the nearest
 * to the line; beyond the edge lies what is on it. In 8 bits, as in the original, where image files go in and out.
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
