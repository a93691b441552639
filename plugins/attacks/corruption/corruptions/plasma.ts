/** Plasma: a fractal height map by the diamond-square algorithm. */
import type { RandomStream } from '../../../../core/api/plugin.ts'
import { between } from './corruption-record.ts'
import type { Image } from './image.ts'

/**
 * Draws a layer of values from 0 to 1 (Fournier et al. 1982). It is cropped from a square that
 * wraps around and whose side is the next power of two.
 * @param decay divides the random part at each halving of the grid; large values give soft clouds
 */
export function drawPlasma(
  { height, width }: Pick<Image, 'height' | 'width'>,
  decay: number,
  stream: RandomStream,
): Image {
  const side = 2 ** Math.ceil(Math.log2(Math.max(height, width)))
  const map = new Float64Array(side * side)
  const at = (y: number, x: number): number => map[(y % side) * side + (x % side)]!
  let amplitude = 100
  for (let step = side; step >= 2; step /= 2, amplitude /= decay) {
    const half = step / 2
    const fill = (y: number, x: number, sum: number): void => {
      // The amplitude enters twice, as in the authors' code. The map is rescaled, so only ratios
      // matter.
      const random = amplitude * between(stream, -amplitude, amplitude)
      map[y * side + x] = sum / 4 + random
    }
    const grid = (visit: (y: number, x: number) => void): void => {
      for (let y = 0; y < side; y += step) for (let x = 0; x < side; x += step) visit(y, x)
    }
    // The center of each square of the grid, then the center of its upper and of its left edge.
    grid((y, x) =>
      fill(
        y + half,
        x + half,
        at(y, x) + at(y + step, x) + at(y, x + step) + at(y + step, x + step),
      ),
    )
    grid((y, x) =>
      fill(
        y,
        x + half,
        at(y, x) + at(y, x + step) + at(y + half, x + half) + at(y + side - half, x + half),
      ),
    )
    grid((y, x) =>
      fill(
        y + half,
        x,
        at(y, x) + at(y + step, x) + at(y + half, x + half) + at(y + half, x + side - half),
      ),
    )
  }
  return { channels: 1, height, width, data: rescaled(map, side, height, width) }
}

/** Rescales the whole map to [0, 1] and returns its upper left part. */
function rescaled(map: Float64Array, side: number, height: number, width: number): Float64Array {
  let low = Infinity
  let high = -Infinity
  for (const value of map) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  const range = high > low ? high - low : 1
  return Float64Array.from(
    { length: height * width },
    (_, i) => (map[Math.floor(i / width) * side + (i % width)]! - low) / range,
  )
}
