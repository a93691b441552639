/** Where a splash of water or mud covers the lens: steps of OpenCV's image processing on a small layer of noise. */
import { findEdges } from './edges.ts'
import { correlate, smooth } from './filters.ts'
import type { Kernel } from './filters.ts'
import { mapValues } from './image.ts'
import type { Image } from './image.ts'

export interface SpatterShape {
  /** Standard deviation of the blur that turns noise into drops, in pixels. */
  readonly blur: number
  /** Blurred noise below it is dry. */
  readonly threshold: number
}

/**
 * Mud has plain drops with soft edges: 0 where dry, from 0.8 to 1 where covered.
 * @param edge standard deviation of the edges' blur, in pixels
 */
export function mudMask(
  noise: Image,
  { blur, threshold, edge }: SpatterShape & { readonly edge: number },
): Image {
  const drops = smooth(noise, blur)
  // Strictly above: what is cut off at the threshold is dry.
  const covered = mapValues(drops, (value) => (value > threshold ? 1 : 0))
  return mapValues(smooth(covered, edge), (value) => (value < 0.8 ? 0 : value))
}

const boxKernel: Kernel = { height: 3, width: 3, weights: new Float64Array(9).fill(1 / 9) }
/** Light from the upper left. */
const reliefKernel: Kernel = {
  height: 3,
  width: 3,
  weights: Float64Array.of(-2, -1, 0, -1, 1, 1, 0, 1, 2),
}
/** Distances from an edge that count no further, in pixels. */
const farthest = 20

/**
 * Water shows by light and shadow: the relief of the distance to the drops' edges, times the drops; from 0 to 1 where it is
 * brightest. Layers are 8-bit in between, as in OpenCV. If nothing is wet the mask is 0 (the original divides by zero).
 */
export function waterMask(noise: Image, { blur, threshold }: SpatterShape): Image {
  const drops = mapValues(smooth(noise, blur), (value) =>
    // 8 bits hold no more than 255; NumPy's conversion would begin again at 0.
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

/** A millionth is forgiven to rounding errors. */
function cut(value: number): number {
  return Math.floor(value + 1e-6)
}

function saturated(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)))
}

/** Steps of OpenCV's 5 × 5 distance mask: across, diagonal, and the knight's move. */
const [across, diagonal, knight] = [1, 1.4, 2.1969]
/** Those that lead to a pixel from above and from the left; the others are their opposites. */
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

/** Approximate distance of every pixel to the nearest edge pixel; infinite if there is none. */
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

/** Spreads 8-bit values so that all are about equally frequent; a constant layer stays. */
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
