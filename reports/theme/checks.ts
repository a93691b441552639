/** The checks of an entry arranged for reading: what is raised first, with what to do about it. */
import { overallVerdict } from '../../core/bench/checks/check.ts'
import type { Check, Verdict } from '../../core/bench/checks/check.ts'
import { documentationOf } from '../../core/bench/checks/documentation.ts'
import { countOf } from './figures.ts'

/** A check that warns or fails, with its documentation; both texts are empty for a check of another version of robench. */
export interface RaisedCheck extends Check {
  readonly meaning: string
  readonly whatToDo: string
}

export interface ChecksSummary {
  readonly verdict: Verdict
  /** `2 of 27 checks failed, 1 warns`. */
  readonly text: string
  /** Failed ones first. */
  readonly raised: readonly RaisedCheck[]
  readonly passed: readonly Check[]
  readonly notApplicable: readonly Check[]
}

export function summarizeChecks(checks: readonly Check[]): ChecksSummary {
  const having = (verdict: Verdict): Check[] => checks.filter((check) => check.verdict === verdict)
  const raised = [...having('fail'), ...having('warn')].map((check) => {
    const { meaning = '', whatToDo = '' } = documentationOf(check.id) ?? {}
    return { ...check, meaning, whatToDo }
  })
  return {
    verdict: overallVerdict(checks),
    text: describeChecks(having('fail').length, having('warn').length, checks.length),
    raised,
    passed: having('pass'),
    notApplicable: having('not-applicable'),
  }
}

function describeChecks(failed: number, warned: number, total: number): string {
  const all = countOf(total, 'check')
  const warn = `${warned} ${warned === 1 ? 'warns' : 'warn'}`
  if (failed > 0) return `${failed} of ${all} failed${warned > 0 ? `, ${warn}` : ''}`
  return warned > 0
    ? `${warned} of ${all} ${warned === 1 ? 'warns' : 'warn'}`
    : `none of ${all} raised`
}
