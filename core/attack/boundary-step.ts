/** The geometry of FAB: one step towards the nearest linearized decision. */
import type { RandomStream } from '../random.ts'
import { roundDown, roundUp } from '../threat/rounding.ts'
import type { Norm, ThreatModel } from '../threat/threat-model.ts'
import { distance } from '../threat/verify.ts'
import { moveOntoHyperplane } from './hyperplane.ts'

/** Most that a step is drawn to the input's own projection (α_max). */
const pullLimit = 0.1
/** How far a step goes beyond the linearized decision (η). */
const overshoot = 1.05

/** A decision z_s − z_y = 0, linearized at a point. */
export interface Decision {
  readonly value: number
  readonly gradient: Float32Array
}

/** |z_s − z_y| / ‖∇‖ in the dual norm: the distance of a linearized decision without bounds. */
export function nearestDecision(norm: Norm, decisions: readonly Decision[]): Decision {
  let nearest = decisions[0]!
  if (decisions.length === 1) return nearest
  let least = Infinity
  for (const decision of decisions) {
    const away = Math.abs(decision.value) / (dualNorm[norm](decision.gradient) + 1e-12)
    if (away < least) {
      least = away
      nearest = decision
    }
  }
  return nearest
}

/** The norm in which a gradient's length says how much a loss changes at most per unit of distance. */
export const dualNorm: Readonly<Record<Norm, (gradient: Float32Array) => number>> = {
  Linf: (gradient) => gradient.reduce((sum, value) => sum + Math.abs(value), 0),
  L2: (gradient) => Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0)),
  L1: (gradient) => gradient.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
}

/**
 * x ← clip((1 − α)(x + η δ¹) + α (x₀ + η δ²)), where δ¹ and δ² take the point and the input onto the linearized
 * decision, and α = min(‖δ¹‖ / (‖δ¹‖ + ‖δ²‖), α_max).
 */
export function moveTowardsDecision(
  { norm, bounds }: ThreatModel,
  { origin, point }: { readonly origin: Float32Array; readonly point: Float32Array },
  { value, gradient }: Decision,
  {
    fromPoint,
    fromOrigin,
  }: { readonly fromPoint: Float64Array; readonly fromOrigin: Float64Array },
): void {
  // ⟨w, x⟩ − c is the decision's value at x; at x₀ it differs by ⟨w, x₀ − x⟩.
  let residual = value
  for (let i = 0; i < point.length; i++) residual += gradient[i]! * (origin[i]! - point[i]!)
  moveOntoHyperplane(norm, point, { normal: gradient, residual: value }, bounds, fromPoint)
  moveOntoHyperplane(norm, origin, { normal: gradient, residual }, bounds, fromOrigin)
  const zero = new Float64Array(point.length)
  const [first, second] = [fromPoint, fromOrigin].map((delta) =>
    Math.max(distance(norm, zero, delta), 1e-8),
  )
  const pull = Math.min(first! / (first! + second!), pullLimit)
  for (let i = 0; i < point.length; i++) {
    fromPoint[i] =
      (1 - pull) * (point[i]! + overshoot * fromPoint[i]!) +
      pull * (origin[i]! + overshoot * fromOrigin[i]!)
  }
  clip(fromPoint, bounds, point)
}

/** Into the bounds, as float32. */
export function clip(
  from: Float64Array,
  bounds: readonly [number, number],
  output: Float32Array,
): void {
  const low = roundUp(bounds[0])
  const high = roundDown(bounds[1])
  for (let i = 0; i < output.length; i++) output[i] = Math.min(Math.max(from[i]!, low), high)
}

/** A random point at that distance, in the norm; normal directions in L2 and L1. */
export function drawAround(
  norm: Norm,
  origin: Float32Array,
  radius: number,
  stream: RandomStream,
  output: Float64Array,
): void {
  const uniform = norm === 'Linf'
  for (let i = 0; i < output.length; i++) {
    output[i] = uniform ? 2 * stream.uniform() - 1 : stream.normal()
  }
  const length = distance(norm, new Float64Array(output.length), output)
  for (let i = 0; i < output.length; i++) {
    output[i] = origin[i]! + (output[i]! * radius) / Math.max(length, 1e-12)
  }
}
