/** The reliability checks of an entry, grouped by verdict. */
import { overallVerdict } from '../../core/bench/checks/check.ts'
import type { Check, Verdict } from '../../core/bench/checks/check.ts'
import { documentationOf } from '../../core/bench/checks/documentation.ts'
import { countOf } from './figures.ts'

/**
 * A check that warns or fails, with its documentation. The texts are empty for a check that this
 * version of robench does not know.
 */
export interface RaisedCheck extends Check {
  readonly meaning: string
  readonly whatToDo: string
}

/** All checks of an entry. */
export interface ChecksSummary {
  readonly verdict: Verdict
  /** `2 of 27 checks failed, 1 warning`. */
  readonly text: string
  /** Failed ones first. */
  readonly raised: readonly RaisedCheck[]
  /** Skipped, or failed to run. */
  readonly notMade: readonly Check[]
  readonly passed: readonly Check[]
  readonly notApplicable: readonly Check[]
}

/** Groups checks by verdict. */
export function summarizeChecks(checks: readonly Check[]): ChecksSummary {
  const having = (verdict: Verdict): Check[] => checks.filter((check) => check.verdict === verdict)
  const raised = [...having('fail'), ...having('warn')].map((check) => {
    const { meaning = '', whatToDo = '' } = documentationOf(check.id) ?? {}
    return { ...check, meaning, whatToDo }
  })
  return {
    verdict: overallVerdict(checks),
    text: describeChecks(checks, having('fail').length, having('warn').length),
    raised,
    notMade: having('not-made'),
    passed: having('pass'),
    notApplicable: having('not-applicable'),
  }
}

function describeChecks(checks: readonly Check[], failed: number, warned: number): string {
  const having = (wanted: Verdict): number =>
    checks.filter(({ verdict }) => verdict === wanted).length
  const [notMade, notApplicable] = [having('not-made'), having('not-applicable')]
  const all = countOf(checks.length - notMade - notApplicable, 'check')
  const missing =
    (notMade > 0 ? `, ${notMade} not made` : '') +
    (notApplicable > 0 ? `, ${notApplicable} not applicable` : '')
  const warnings = countOf(warned, 'warning')
  if (failed > 0) {
    return `${failed} of ${all} failed${warned > 0 ? `, ${warnings}` : ''}${missing}`
  }
  return `${warned > 0 ? `${warnings} from ${all}` : `no warnings from ${all}`}${missing}`
}
