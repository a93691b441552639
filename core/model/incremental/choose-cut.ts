/** Chooses the cut of a network at which changes in small windows cost least. */
import { sumBy } from '../../base/sum.ts'
import { knownSize } from '../../engine/graph/dim.ts'
import type { Node, Value } from '../../engine/graph/value.ts'
import {
  affectedPositions,
  findReceptiveFields,
  windowsOf,
  type ReceptiveField,
} from './receptive-field.ts'
import { dependentNodes, findRegions } from './required-region.ts'

/** A value `[n, c, h, w]` through which the logits depend on the images. */
export interface Cut {
  readonly value: Value
  readonly receptiveField: ReceptiveField
  /** By side of a square window: the largest region it affects. Other sides save too little. */
  readonly regions: ReadonlyMap<number, readonly [rows: number, columns: number]>
}

/** The cost of a multiplication on a crop: small convolutions use vector registers less well. */
const cropOverhead = 1.4
/** The cost in multiplications of copying a pixel or a number of the cut (measured on one CPU). */
const copyCost = 250
/** The smallest fraction of a pass that is worth saving. */
const minimumSaving = 0.1

/**
 * Chooses the cut that saves most, by a count of multiplications.
 * @param sides how often windows of each side are queried, in any unit
 * @returns undefined if no cut saves enough
 */
export function chooseCut(
  logits: Value,
  images: Value,
  sides: ReadonlyMap<number, number>,
): Cut | undefined {
  const order = dependentNodes(logits, images)
  const total = sumBy(order, multiplications)
  let best: Cut | undefined
  let mostSaved = 0
  for (const [value, receptiveField] of findReceptiveFields(logits, images)) {
    if (value === images || !isBottleneck(value, order, logits, images)) continue
    const regions = new Map<number, readonly [number, number]>()
    let saved = 0
    for (const [side, times] of sides) {
      const [rows, columns] = receptiveField
      const size = [affectedPositions(rows, side), affectedPositions(columns, side)] as const
      const saving = total - incrementalCost(value, size, order, images)
      if (saving < minimumSaving * total) continue
      regions.set(side, size)
      saved += times * saving
    }
    if (saved > mostSaved) {
      best = { value, receptiveField, regions }
      mostSaved = saved
    }
  }
  return best
}

/** Whether the logits depend on the images only through that value. */
function isBottleneck(value: Value, order: readonly Node[], logits: Value, images: Value): boolean {
  const bypass = new Set<Node>([images.node])
  for (const node of order) {
    // Another output of the same operator, such as the indices of MaxPool, bypasses the value.
    if (node.inputs.some((input) => input?.node === value.node && input !== value)) return false
    if (node === value.node) continue
    if (node.inputs.some((input) => input && bypass.has(input.node))) bypass.add(node)
  }
  return !bypass.has(logits.node)
}

/** The cost of a query that recomputes a region of the cut, in multiplications. */
function incrementalCost(
  cut: Value,
  size: readonly [rows: number, columns: number],
  order: readonly Node[],
  images: Value,
): number {
  const regions = findRegions(cut, size, order)
  let cost = 0
  for (const node of order) {
    const [y] = node.outputs
    const region = regions.get(y!)
    if (!region) {
      cost += multiplications(node)
      continue
    }
    const area = region[0].length * region[1].length
    const fraction = area / ((y!.shape[2] as number) * (y!.shape[3] as number))
    cost += fraction * cropOverhead * multiplications(node)
    if (y === images || y === cut) cost += fraction * copyCost * elementsOf(y)
  }
  return cost
}

/** Multiplications for one example, roughly. */
function multiplications(node: Node): number {
  const [x, weight] = node.inputs
  if (!x) return 0
  const elements = elementsOf(node.outputs[0]!)
  const windows = windowsOf(node)
  if (windows && node.op !== 'Conv') return elements * windows[0].kernel * windows[1].kernel
  if (node.op === 'Conv') return elements * knownSize(weight!.shape.slice(1))
  if (node.op === 'Gemm' || node.op === 'MatMul') return elements * knownSize(x.shape.slice(-1))
  // Other operators are bound by memory.
  return 4 * elements
}

function elementsOf({ shape }: Value): number {
  return knownSize(shape.slice(1))
}
