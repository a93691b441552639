/** Values and thresholds with which a check can pass. */
import { packageVersion } from '../core/base/package-version.ts'
import type { LeaderboardEntry } from './entry-type.ts'
import { publicRules } from './known-datasets.ts'

/**
 * The thresholds with which each check passes. Those of `huge-epsilon-breaks` and `clean-accuracy`
 * depend on the data and the model.
 */
export const thresholds: Readonly<Record<string, readonly number[]>> = {
  'inputs-as-expected': [0.1, 0.05],
  'gradient-available': [0.1],
  'gradient-cross-entropy': [0],
  'gradient-margin': [0],
  'gradient-dlr': [0],
  'gradient-finite': [0],
  'gradient-matches-differences': [0.8],
  'outputs-are-logits': [1],
  'logit-scale': [50],
  'enough-classes': [4],
  'losses-agree': [0.1],
  'outputs-repeat': [1e-4],
  'predictions-stable': [0.3],
  'no-inner-optimization': [0],
  'no-abstention': [0],
  'noise-weaker': [0.02],
  'search-weaker': [0.02],
  'surrogate-weaker': [0.02],
  'one-step-weaker': [0.05],
  'no-label-leaking': [0.25],
  'epsilon-helps-attacker': [0.05],
  'optimization-complete': [0.05],
  'settings-plausible': [0],
  'white-box-run': [1],
  'black-box-weaker': [0.002],
  'transfer-weaker': [0.002],
  'iterations-help': [0.002],
  'epsilon-ordered': [0.002],
  'attacks-agree': [0.1],
  'no-silent-success': [0],
  'answers-keep-rules': [0],
}

/** Checks that pass from their threshold on; the others pass up to it. */
const passesFrom = ['gradient-matches-differences', 'enough-classes', 'white-box-run']

/** Checks that compare more than their value with the threshold. */
const otherwise = ['clean-accuracy', 'inputs-as-expected', 'logit-scale', 'outputs-are-logits']

/** The only check that may pass without a threshold. */
const withoutThreshold = 'clean-accuracy'

const ownVersion = packageVersion()

/** What a check cannot state, each with its position. */
export function checkContradictions({ checks, dataset, run }: LeaderboardEntry): string[] {
  const classes = publicRules.datasetOf(dataset.id)?.classes
  return checks.flatMap(({ id, verdict, value, threshold }, at) => {
    const place = `/checks/${at}`
    if (verdict === 'not-applicable') {
      const stated = value === null ? 'threshold' : 'value'
      return value === null && threshold === null
        ? []
        : [`${place}/${stated}: "${id}" does not apply, so it has no ${stated}`]
    }
    if (verdict !== 'pass') return []
    if (value === null) return [`${place}/value: "${id}" passes, so it has a value`]
    // Another version may have other thresholds.
    const isOwn = run.robenchVersion === ownVersion
    const accepted = isOwn ? thresholdsOf(id, classes) : undefined
    if (threshold === null || (accepted && !accepted.includes(threshold))) {
      if (threshold === null && id === withoutThreshold) return []
      const wanted = accepted ? accepted.join(' or ') : 'a number'
      return [`${place}/threshold: of "${id}" must be ${wanted}, got ${threshold}`]
    }
    if (otherwise.includes(id)) return []
    const holds = passesFrom.includes(id) ? value >= threshold : value <= threshold
    return holds
      ? []
      : [`${place}: "${id}" cannot pass with the value ${value}, threshold ${threshold}`]
  })
}

/** Thresholds with which a check may pass; undefined if they are not known. */
function thresholdsOf(id: string, classes: number | undefined): readonly number[] | undefined {
  if (id === 'huge-epsilon-breaks') return classes === undefined ? undefined : [1 / classes]
  return thresholds[id]
}
