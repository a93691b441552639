/** Threat models as directory names. */
import { epsilonSlug } from './epsilon.ts'
import { transformRecord } from './transforms/table.ts'
import type { ThreatModel } from './threat-model.ts'

/**
 * A threat model as a directory name: `linf-8-255`, `linf-2-255-attribute-98c36173`,
 * `amplitude-0.3-0.1`, `corruption`, `linf-8-255-to-least-likely`, `linf-0.1-given-box`. With a
 * transform, a ball of size 0 is left out, since its norm makes no difference.
 */
export function threatSlug(threatModel: ThreatModel): string {
  const { target, given } = threatModel
  const slug = [limitSlug(threatModel), ...(given === undefined ? [] : [`given-${given}`])].join(
    '-',
  )
  return target === undefined ? slug : `${slug}-to-${target}`
}

function limitSlug({ norm, epsilon, transform }: ThreatModel): string {
  const ball = `${norm.toLowerCase()}-${epsilonSlug(epsilon)}`
  if (!transform) return ball
  const change = transformRecord(transform.kind).slug(transform)
  return epsilon === 0 ? change : `${ball}-${change}`
}
