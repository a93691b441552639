/** The result of a check, and its documentation. */
import { countOf } from '../../base/figures.ts'

/**
 * `fail`: the robust accuracy is unreliable. `warn`: a sign that often accompanies an unreliable
 * one. `not-made`: the check was skipped, or could not run.
 */
export type Verdict = 'pass' | 'warn' | 'fail' | 'not-made' | 'not-applicable'

/** All verdicts, worst first. */
export const verdicts = [
  'fail',
  'warn',
  'not-made',
  'pass',
  'not-applicable',
] as const satisfies Verdict[]

/**
 * The result of one check for one defense under one threat model: plain data, part of the result.
 */
export interface Check {
  readonly id: string
  readonly title: string
  readonly verdict: Verdict
  /** The measured value; null if there is none. */
  readonly value: number | null
  /** The value from which the check is raised; null if there is no such value. */
  readonly threshold: number | null
  /** One sentence with the numbers. */
  readonly evidence: string
}

/** The documentation of a check, also shown in reports if the check is raised. */
export interface CheckDocumentation {
  /** kebab-case */
  readonly id: string
  /** The statement that holds if the check passes. */
  readonly title: string
  /** `probe`: measured on a sample. `outcome-check`: read from outcomes of attacks. */
  readonly kind: 'probe' | 'outcome-check'
  readonly raisedIf: string
  readonly meaning: string
  readonly whatToDo: string
  /** True if entries of a leaderboard may lack it, because earlier results do. It only warns. */
  readonly mayLack?: true
}

/** The result of a check without its name. */
export type Finding = Omit<Check, 'id' | 'title'>

/** The worst of the verdicts; `not-applicable` if no check applied. */
export function overallVerdict(checks: readonly Pick<Check, 'verdict'>[]): Verdict {
  const worst = verdicts.find((verdict) => checks.some((check) => check.verdict === verdict))
  return worst ?? 'not-applicable'
}

/** Adds the check's name to a finding. */
export function nameFinding({ id, title }: CheckDocumentation, finding: Finding): Check {
  return { id, title, ...finding }
}

/** The finding of a check that does not apply, with the reason. */
export function notApplicable(reason: string): Finding {
  return { verdict: 'not-applicable', value: null, threshold: null, evidence: reason }
}

/**
 * The finding of a check that is raised if its value exceeds a threshold.
 * @param raised the verdict in that case
 */
export function raisedAbove(
  threshold: number,
  value: number,
  evidence: string,
  raised: 'fail' | 'warn' = 'fail',
): Finding {
  return { verdict: value > threshold ? raised : 'pass', value, threshold, evidence }
}

/** `7 of 64 examples`. */
export function ofExamples(count: number, total: number): string {
  return `${count} of ${countOf(total, 'example')}`
}
