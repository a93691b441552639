/** The exact projection onto an L0 ball within the bounds: the pixels worth changing. */
import { roundDown, roundUp } from './rounding.ts'
import type { ThreatModel } from './threat-model.ts'

/** The number of pixels that an L0 threat model permits, at most all of them. */
export function changeablePixels({ epsilon }: ThreatModel, pixels: number): number {
  return Math.min(Math.floor(epsilon), pixels)
}

/**
 * Writes the point nearest to `point` (Euclidean) that is within the bounds and differs from
 * `center` in at most ε pixels. A pixel is the components i, i + p, i + 2p, … of p pixels. Within
 * the bounds, changing a pixel reduces the squared distance by ‖point − center‖² − ‖point − clip‖²
 * over its components; the ε pixels with the largest reductions change, the first of equal ones.
 */
export function projectOntoL0(
  threatModel: ThreatModel,
  center: Float32Array,
  point: Float64Array,
  output: Float32Array,
): void {
  const { bounds, channels = 1 } = threatModel
  const low = roundUp(bounds[0])
  const high = roundDown(bounds[1])
  const pixels = center.length / channels
  const gains = new Float64Array(pixels)
  for (let i = 0; i < center.length; i++) {
    const inside = clip(point[i]!, low, high)
    gains[i % pixels]! += (point[i]! - center[i]!) ** 2 - (point[i]! - inside) ** 2
  }
  output.set(center)
  for (const pixel of largestPixels(gains, changeablePixels(threatModel, pixels))) {
    if (!(gains[pixel]! > 0)) break
    for (let i = pixel; i < center.length; i += pixels) output[i] = clip(point[i]!, low, high)
  }
}

/** The `count` pixels with the largest values, in descending order; equal values by position. */
function largestPixels(values: Float64Array, count: number): Uint32Array {
  const order = Uint32Array.from(values.keys())
  order.sort((a, b) => values[b]! - values[a]! || a - b)
  return order.subarray(0, count)
}

function clip(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value
}
