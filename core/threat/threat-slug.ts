/** Threat models as directory names. */
import { epsilonSlug } from './epsilon.ts'
import { transformRecord } from './transforms/table.ts'
import type { ThreatModel } from './threat-model.ts'

/**
 * A threat model as a directory name: `linf-8-255`, `linf-2-255-attribute-98c36173`,
 * `amplitude-0.3-0.1`, `corruption`. With a transform, a ball of size 0 is left out, since its norm
 * makes no difference.
 */
export function threatSlug({ norm, epsilon, transform }: ThreatModel): string {
  const ball = `${norm.toLowerCase()}-${epsilonSlug(epsilon)}`
  if (!transform) return ball
  const change = transformRecord(transform.kind).slug(transform)
  return epsilon === 0 ? change : `${ball}-${change}`
}
