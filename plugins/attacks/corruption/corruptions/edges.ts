/** Canny's edge detector as in OpenCV: Sobel gradients, thinning, and two thresholds. */
import { correlate } from './filters.ts'
import type { Kernel } from './filters.ts'
import type { Image } from './image.ts'

const acrossKernel: Kernel = {
  height: 3,
  width: 3,
  weights: Float64Array.of(-1, 0, 1, -2, 0, 2, -1, 0, 1),
}
const downKernel: Kernel = {
  height: 3,
  width: 3,
  weights: Float64Array.of(-1, -2, -1, 0, 0, 0, 1, 2, 1),
}
/** tan 22.5° and tan 67.5°. A gradient with a slope between them is treated as diagonal. */
const shallow = Math.SQRT2 - 1
const steep = Math.SQRT2 + 1

/**
 * Marks the edges of a layer of 8-bit values with 255, and all other pixels with 0. An edge is a
 * local maximum of |∂x| + |∂y| above `low` that is connected to one above `high` (Canny 1986).
 */
export function findEdges(layer: Image, low: number, high: number): Image {
  const { height, width } = layer
  const across = correlate(layer, acrossKernel, 'nearest').data
  const down = correlate(layer, downKernel, 'nearest').data
  const magnitude = (y: number, x: number): number => {
    if (y < 0 || y >= height || x < 0 || x >= width) return 0
    return Math.abs(across[y * width + x]!) + Math.abs(down[y * width + x]!)
  }
  // The maximum along the gradient. Of two equal neighbors the first one is a crest; on a
  // diagonal, neither is.
  const isCrest = (y: number, x: number): boolean => {
    const here = magnitude(y, x)
    const [gx, gy] = [across[y * width + x]!, down[y * width + x]!]
    const slope = Math.abs(gy)
    if (slope < shallow * Math.abs(gx)) {
      return here > magnitude(y, x - 1) && here >= magnitude(y, x + 1)
    }
    if (slope > steep * Math.abs(gx)) {
      return here > magnitude(y - 1, x) && here >= magnitude(y + 1, x)
    }
    const side = gx < 0 !== gy < 0 ? -1 : 1
    return here > magnitude(y - 1, x - side) && here > magnitude(y + 1, x + side)
  }

  const crests = new Uint8Array(height * width)
  const pending: number[] = []
  const edges = new Float64Array(height * width)
  for (let y = 0, place = 0; y < height; y++) {
    for (let x = 0; x < width; x++, place++) {
      const strength = magnitude(y, x)
      if (strength <= low || !isCrest(y, x)) continue
      crests[place] = 1
      if (strength > high) pending.push(place)
    }
  }
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    if (edges[place]! > 0) continue
    edges[place] = 255
    const [y, x] = [Math.floor(place / width), place % width]
    for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
      for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
        if (crests[row * width + column] === 1) pending.push(row * width + column)
      }
    }
  }
  return { ...layer, data: edges }
}
