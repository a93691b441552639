/** Decisions between two classes, linearized at a point. */
import type { Norm } from '../threat/threat-model.ts'
import { dualNorm } from './gradient-norms.ts'

/** The decision z_s − z_y = 0 between a class s and the label y, linearized at a point. */
export interface LinearizedDecision {
  /** z_s − z_y at the point. */
  readonly value: number
  /** Gradient of z_s − z_y at the point. */
  readonly gradient: Float32Array
}

/**
 * The decision with the smallest |z_s − z_y| / ‖∇‖ in the dual norm: its distance from the point,
 * without bounds. The first of equal ones. @param decisions 1 or more
 */
export function nearestDecision(
  norm: Norm,
  decisions: readonly LinearizedDecision[],
): LinearizedDecision {
  let nearest = decisions[0]!
  if (decisions.length === 1) return nearest
  let shortest = Infinity
  for (const decision of decisions) {
    const away = Math.abs(decision.value) / (dualNorm[norm](decision.gradient) + 1e-12)
    if (away < shortest) {
      shortest = away
      nearest = decision
    }
  }
  return nearest
}
