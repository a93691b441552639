/** The region of each value before a cut that a region of the cut depends on. */
import { topologicalOrder, type Node, type Value } from '../../engine/graph/value.ts'
import { windowsOf } from './receptive-field.ts'

/** Along one axis: positions first + offset … first + offset + length − 1. */
export interface Interval {
  /**
   * Relative to `first`, the position of this value that corresponds to the first position of the
   * region of the cut.
   */
  readonly offset: number
  readonly length: number
}

/** A part of a value `[n, c, h, w]`, relative to the region of the cut. */
export type Region = readonly [rows: Interval, columns: Interval]

/**
 * The region of each value that `size` positions of the cut depend on. It may extend beyond the
 * value, into the padding.
 * @param order nodes before the cut, possibly among others, each after its inputs
 */
export function findRegions(
  cut: Value,
  size: readonly [rows: number, columns: number],
  order: readonly Node[],
): ReadonlyMap<Value, Region> {
  const [rows, columns] = size
  const ofCut: Region = [
    { offset: 0, length: rows },
    { offset: 0, length: columns },
  ]
  const regions = new Map<Value, Region>([[cut, ofCut]])
  const known = new Set(order)
  for (const node of order.toReversed()) {
    const region = regions.get(node.outputs[0]!)
    if (!region) continue
    const needed = inputRegion(node, region)
    for (const input of node.inputs) {
      if (!input || !known.has(input.node)) continue
      const other = regions.get(input)
      regions.set(input, other ? [union(other[0], needed[0]), union(other[1], needed[1])] : needed)
    }
  }
  return regions
}

/** The region of a node's inputs that a region of its output depends on. */
export function inputRegion(node: Node, [rows, columns]: Region): Region {
  const windows = windowsOf(node)
  if (!windows) return [rows, columns]
  const along = (axis: 0 | 1, { offset, length }: Interval): Interval => {
    const { kernel, stride, dilation, begin } = windows[axis]
    return {
      offset: offset * stride - begin,
      length: (length - 1) * stride + (kernel - 1) * dilation + 1,
    }
  }
  return [along(0, rows), along(1, columns)]
}

/** The nodes that `of` depends on and that depend on the images; the images' node first. */
export function dependentNodes(of: Value, images: Value): Node[] {
  const found = new Set<Node>([images.node])
  for (const node of topologicalOrder([of])) {
    if (node.inputs.some((input) => input && found.has(input.node))) found.add(node)
  }
  return [...found]
}

function union(a: Interval, b: Interval): Interval {
  const offset = Math.min(a.offset, b.offset)
  return { offset, length: Math.max(a.offset + a.length, b.offset + b.length) - offset }
}
