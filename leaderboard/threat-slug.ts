/** Threat models as names of folders. */
import { hashJson } from '../core/base/hash.ts'
import type { ThreatModel, Transform } from '../core/threat/threat-model.ts'
import { epsilonText } from '../reports/theme/figures.ts'

/**
 * A threat model as a folder's name: `linf-8-255`, `linf-2-255-attribute-98c36173`, `amplitude-0.3-0.1`, `corruption`. Ranges of
 * attributes are told apart by the beginning of their hash; a ball of size 0 is left out, for its norm makes no difference.
 */
export function threatSlug({ norm, epsilon, transform }: ThreatModel): string {
  const ball = `${norm.toLowerCase()}-${sizeSlug(epsilon)}`
  if (!transform) return ball
  const change = transformSlug(transform)
  return epsilon === 0 ? change : `${ball}-${change}`
}

function transformSlug(transform: Transform): string {
  if (transform.kind === 'attribute') return `attribute-${hashJson(transform.ranges).slice(0, 8)}`
  if (transform.kind === 'amplitude') {
    return `amplitude-${sizeSlug(transform.mix)}-${sizeSlug(transform.scale)}`
  }
  transform.kind satisfies 'corruption'
  return 'corruption'
}

function sizeSlug(size: number): string {
  return epsilonText(size).replace('/', '-')
}
