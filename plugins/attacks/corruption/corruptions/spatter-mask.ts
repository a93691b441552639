/** Masks of water and mud on the lens, made from noise with OpenCV's image processing steps. */
import { findEdges } from './edges.ts'
import { correlate, smooth } from './filters.ts'
import type { Kernel } from './filters.ts'
import { mapValues } from './image.ts'
import type { Image } from './image.ts'

/** Constants that shape the drops. */
export interface SpatterShape {
  /** Standard deviation of the blur that turns noise into drops, in pixels. */
  readonly blur: number
  /** Blurred noise below this value is dry. */
  readonly threshold: number
}

/**
 * A mask of drops with soft edges: 0 where dry, from 0.8 to 1 where covered.
 * @param edge standard deviation of the blur of the edges, in pixels
 */
export function mudMask(
  noise: Image,
  { blur, threshold, edge }: SpatterShape & { readonly edge: number },
): Image {
  const drops = smooth(noise, blur)
  // A value equal to the threshold is dry.
  const covered = mapValues(drops, (value) => (value > threshold ? 1 : 0))
  return mapValues(smooth(covered, edge), (value) => (value < 0.8 ? 0 : value))
}

const boxKernel: Kernel = { height: 3, width: 3, weights: new Float64Array(9).fill(1 / 9) }
/** Emboss filter with light from the upper left. */
const reliefKernel: Kernel = {
  height: 3,
  width: 3,
  weights: Float64Array.of(-2, -1, 0, -1, 1, 1, 0, 1, 2),
}
/** Distances from an edge are clipped to this many pixels. */
const farthest = 20

/**
 * A mask of water: the drops times the relief of the distance to their edges, scaled so that the
 * largest value is 1. Intermediate layers have 8 bits, as in OpenCV. Without drops the mask is 0
 * (the authors' code divides by zero).
 */
export function waterMask(noise: Image, { blur, threshold }: SpatterShape): Image {
  const drops = mapValues(smooth(noise, blur), (value) =>
    // Saturate at 255, where NumPy's conversion would wrap around to 0.
    value < threshold ? 0 : Math.min(255, Math.floor(255 * value)),
  )
  const distances = mapValues(distanceToEdges(findEdges(drops, 50, 150)), (value) =>
    Math.min(farthest, value),
  )
  const rounded = mapValues(correlate(distances, boxKernel, 'mirror'), cut)
  const relief = mapValues(correlate(equalized(rounded), reliefKernel, 'mirror'), saturated)
  const light = mapValues(correlate(relief, boxKernel, 'mirror'), Math.round)
  const mask = drops.data.map((value, i) => value * light.data[i]!)
  const brightest = mask.reduce((most, value) => Math.max(most, value), 0)
  return { ...drops, data: mask.map((value) => (brightest > 0 ? value / brightest : 0)) }
}

/** Truncates; a tolerance of a millionth absorbs rounding errors. */
function cut(value: number): number {
  return Math.floor(value + 1e-6)
}

function saturated(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)))
}

/**
 * Step lengths of OpenCV's 5 × 5 distance mask: horizontal or vertical, diagonal, knight's move.
 */
const [across, diagonal, knight] = [1, 1.4, 2.1969]
/** Steps that reach a pixel from above or from the left; the other steps are their opposites. */
const leads = [
  [-1, 0, across],
  [0, -1, across],
  [-1, -1, diagonal],
  [-1, 1, diagonal],
  [-2, -1, knight],
  [-2, 1, knight],
  [-1, -2, knight],
  [-1, 2, knight],
] as const

/** Approximate distance of each pixel to the nearest edge pixel; infinite if there is none. */
function distanceToEdges({ height, width, data }: Image): Image {
  const distances = data.map((edge) => (edge > 0 ? 0 : Infinity))
  const relax = (y: number, x: number, sign: 1 | -1): void => {
    const place = y * width + x
    for (const [down, right, length] of leads) {
      const [fromY, fromX] = [y + sign * down, x + sign * right]
      if (fromY < 0 || fromY >= height || fromX < 0 || fromX >= width) continue
      distances[place] = Math.min(distances[place]!, distances[fromY * width + fromX]! + length)
    }
  }
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) relax(y, x, 1)
  for (let y = height - 1; y >= 0; y--) for (let x = width - 1; x >= 0; x--) relax(y, x, -1)
  return { channels: 1, height, width, data: distances }
}

/** Equalizes the histogram of 8-bit values. A constant layer is returned unchanged. */
function equalized(layer: Image): Image {
  const counts = new Int32Array(256)
  for (const value of layer.data) counts[value]! += 1
  const lowest = counts.findIndex((count) => count > 0)
  const rest = layer.data.length - counts[lowest]!
  if (rest === 0) return layer
  let sum = 0
  const levels = Float64Array.from(counts, (count, level) => {
    if (level > lowest) sum += count
    return Math.round((255 * sum) / rest)
  })
  return mapValues(layer, (value) => levels[value]!)
}
