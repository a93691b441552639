/** What a check says of a number, and what it must say of itself. */
import { countOf } from '../../base/figures.ts'

/** `fail`: the robust accuracy is not to be believed as it stands. `warn`: something that often goes with that. */
export type Verdict = 'pass' | 'warn' | 'fail' | 'not-applicable'

/** All verdicts, the worst first. */
export const verdicts = ['fail', 'warn', 'pass', 'not-applicable'] as const satisfies Verdict[]

/** One check's answer for one defense under one threat model: plain data, kept in the result. */
export interface Check {
  readonly id: string
  readonly title: string
  readonly verdict: Verdict
  /** What was measured; null where there is no figure, or nothing could be measured. */
  readonly value: number | null
  /** Where the check begins to be raised; null where it is no matter of degree. */
  readonly threshold: number | null
  /** One sentence with the figures. */
  readonly evidence: string
}

/** What the documentation says of a check, and the report of one that is raised. */
export interface CheckDocumentation {
  /** kebab-case */
  readonly id: string
  /** What holds where the check passes. */
  readonly title: string
  /** What is measured on a sample, or read from the outcomes of the attacks that were run. */
  readonly kind: 'probe' | 'comparison'
  readonly raisedIf: string
  readonly meaning: string
  readonly whatToDo: string
}

/** A check's answer without its name. */
export type Finding = Omit<Check, 'id' | 'title'>

/** The worst of the verdicts; `not-applicable` if no check applied. */
export function overallVerdict(checks: readonly Pick<Check, 'verdict'>[]): Verdict {
  const worst = verdicts.find((verdict) => checks.some((check) => check.verdict === verdict))
  return worst ?? 'not-applicable'
}

/** Puts the check's name to what it found. */
export function nameFinding({ id, title }: CheckDocumentation, finding: Finding): Check {
  return { id, title, ...finding }
}

/** Nothing to say, and why. */
export function notApplicable(reason: string): Finding {
  return { verdict: 'not-applicable', value: null, threshold: null, evidence: reason }
}

/** `7 of 64 examples`. */
export function ofExamples(count: number, total: number): string {
  return `${count} of ${countOf(total, 'example')}`
}

export { significant as figure } from '../../base/figures.ts'
