/** Check: every attack stays within its ball and its budget. */
import { countOf } from '../../base/figures.ts'
import type { ErrorCode } from '../../base/errors.ts'
import { notApplicable, raisedAbove } from './check.ts'
import { defineOutcomeCheck } from './outcome-check.ts'

const codes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ROBENCH_PLUGIN_ANSWER',
  'ROBENCH_PLUGIN_CONTRACT',
  'ROBENCH_BUDGET',
])

/** Attacks that the host rejected make the worst case incomplete. */
export const answersKeepRules = defineOutcomeCheck({
  id: 'answers-keep-rules',
  title: 'Attacks follow the rules',
  kind: 'outcome-check',
  raisedIf:
    'an attack failed because it left the ball or the bounds, changed its inputs, or exceeded ' +
    'its budget of passes',
  meaning:
    'The attack has a defect. Its cell has no accuracy, and the worst case covers fewer attacks ' +
    'than the suite names.',
  whatToDo:
    'Fix the attack: `createBall` projects exactly. Then run again; completed cells are saved.',
  check({ entry: { attacks } }) {
    if (attacks.length === 0) return notApplicable('no attack was run')
    const broken = attacks.flatMap((result) =>
      result.state === 'failed' && codes.has(result.error.code) ? [result] : [],
    )
    const names = broken.map(({ attack, error }) => `${attack.name} (${error.code})`).join(', ')
    const evidence =
      broken.length > 0
        ? `${names} broke a rule`
        : `${attacks.length} of ${countOf(attacks.length, 'attack')} followed the rules`
    return raisedAbove(0, broken.length, evidence)
  },
})
