/** Distances between points, and whether a point is within the threat model. */
import type { Norm, ThreatModel } from './threat-model.ts'

/** Why a point is not permitted, in order: a value that is not finite, the bounds, the ball. */
export type Violation =
  | { readonly kind: 'not-finite'; readonly component: number; readonly value: number }
  | {
      readonly kind: 'outside-bounds'
      readonly component: number
      readonly value: number
      readonly bounds: readonly [low: number, high: number]
      /** Distance beyond the nearer bound. */
      readonly excess: number
    }
  | {
      readonly kind: 'outside-ball'
      readonly norm: Norm
      readonly distance: number
      readonly epsilon: number
      /** distance − epsilon */
      readonly excess: number
    }

/**
 * Tolerance of the verification, relative to epsilon: zero in Linf, where inward rounding is exact,
 * and in L0, which counts; 1e-6 in L2 and L1, where the order of a sum changes its last bits.
 */
export const relativeTolerance: Readonly<Record<Norm, number>> = {
  Linf: 0,
  L2: 1e-6,
  L1: 1e-6,
  L0: 0,
}

/**
 * ‖b − a‖, computed in float64; in L0, the number of pixels that differ.
 * @param channels components per pixel, in L0 only: `channels` of the threat model
 */
export function distance(
  norm: Norm,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  channels = 1,
): number {
  return distances[norm](a, b, channels)
}

type Distance = (a: ArrayLike<number>, b: ArrayLike<number>, channels: number) => number

const distances: Readonly<Record<Norm, Distance>> = {
  Linf(a, b) {
    let largest = 0
    for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(b[i]! - a[i]!))
    return largest
  },
  L2(a, b) {
    let squares = 0
    for (let i = 0; i < a.length; i++) {
      const d = b[i]! - a[i]!
      squares += d * d
    }
    return Math.sqrt(squares)
  },
  L1(a, b) {
    let sum = 0
    for (let i = 0; i < a.length; i++) sum += Math.abs(b[i]! - a[i]!)
    return sum
  },
  L0(a, b, channels) {
    const pixels = a.length / channels
    let changed = 0
    for (let pixel = 0; pixel < pixels; pixel++) {
      let i = pixel
      while (i < a.length && a[i] === b[i]) i += pixels
      if (i < a.length) changed += 1
    }
    return changed
  },
}

/**
 * Why `point` is not permitted as an attack on `center`; undefined if it is. See
 * `relativeTolerance`.
 */
export function verifyInside(
  threatModel: ThreatModel,
  center: ArrayLike<number>,
  point: ArrayLike<number>,
): Violation | undefined {
  const { norm, epsilon, channels } = threatModel
  const violation = verifyBounds(threatModel.bounds, point)
  if (violation) return violation
  const measured = distance(norm, center, point, channels)
  if (measured <= epsilon * (1 + relativeTolerance[norm])) return undefined
  return { kind: 'outside-ball', norm, distance: measured, epsilon, excess: measured - epsilon }
}

/** The first component that is not finite or outside the bounds (without tolerance), if any. */
export function verifyBounds(
  bounds: readonly [low: number, high: number],
  point: ArrayLike<number>,
): Violation | undefined {
  const [low, high] = bounds
  for (let i = 0; i < point.length; i++) {
    const value = point[i]!
    if (value >= low && value <= high) continue
    if (!Number.isFinite(value)) return { kind: 'not-finite', component: i, value }
    const excess = value < low ? low - value : value - high
    return { kind: 'outside-bounds', component: i, value, bounds, excess }
  }
  return undefined
}

/** A violation as text that follows its subject: `leaves the Linf ball: …`. */
export function describeViolation(violation: Violation): string {
  switch (violation.kind) {
    case 'not-finite':
      return `is not finite: component ${violation.component} is ${violation.value}`
    case 'outside-bounds':
      return (
        `leaves the bounds [${violation.bounds.join(', ')}]: ` +
        `component ${violation.component} is ${violation.value}, beyond by ${violation.excess}`
      )
    case 'outside-ball':
      return (
        `leaves the ${violation.norm} ball: its distance ${violation.distance} ` +
        `exceeds epsilon ${violation.epsilon} by ${violation.excess}`
      )
    default:
      return violation satisfies never
  }
}
