/** A median filter as an expression: a sorting network of Min and Max. */
import { g } from '../../../core/api/graph.ts'
import type { Value } from '../../../core/api/graph.ts'
import { mirrored } from '../protection/input-transformation.ts'

/**
 * The median of each channel in windows of `window` × `window` pixels, with mirrored margins. An
 * even window reaches one pixel further up and left, and gives the upper of the two middle values.
 * @param images `[n, c, h, w]`
 */
export function medianFilter(images: Value, window: number): Value {
  const [height, width] = images.shape.slice(2).map(Number) as [number, number]
  const before = Math.floor(window / 2)
  const after = window - 1 - before
  const padded = mirrored(images, before, [after, after])
  const values = Array.from({ length: window * window }, (_, place) => {
    const [top, left] = [Math.floor(place / window), place % window]
    return g.slice(padded, [top, left], [top + height, left + width], [2, 3])
  })
  // Only the comparisons on which the median depends become part of the graph.
  return sorted(values)[Math.floor(values.length / 2)]!
}

/** Values in ascending order, by Batcher's odd-even merge sort (Knuth, volume 3, 5.2.2M). */
function sorted(values: readonly Value[]): Value[] {
  const wires = [...values]
  const n = wires.length
  const compare = (low: number, high: number): void => {
    const [a, b] = [wires[low]!, wires[high]!]
    wires[low] = g.min(a, b)
    wires[high] = g.max(a, b)
  }
  const largest = 2 ** Math.ceil(Math.log2(n) - 1)
  for (let p = largest; p >= 1; p /= 2) {
    let r = 0
    let distance = p
    for (let q = largest; ; q /= 2) {
      for (let i = 0; i < n - distance; i++) if ((i & p) === r) compare(i, i + distance)
      if (q === p) break
      distance = q - p
      r = p
    }
  }
  return wires
}
