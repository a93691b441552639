/** Check: every attack kept to its ball and its budget. */
import type { ErrorCode } from '../../base/errors.ts'
import { notApplicable } from './check.ts'
import { defineOutcomeCheck } from './outcome-check.ts'

const codes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ROBENCH_PLUGIN_ANSWER',
  'ROBENCH_PLUGIN_CONTRACT',
  'ROBENCH_BUDGET',
])

export const answersKeepRules = defineOutcomeCheck({
  id: 'answers-keep-rules',
  title: 'Attacks keep the rules',
  kind: 'comparison',
  raisedIf:
    'a cell failed because an attack left the ball or the bounds, changed its inputs, or asked for more passes than allowed',
  meaning:
    'The attack is defective, so its cell has no figure and the worst case is over fewer attacks than the suite names.',
  whatToDo:
    'Mend the attack: `createBall` projects exactly. Then run again; the other cells are kept.',
  compare({ entry: { attacks } }) {
    if (attacks.length === 0) return notApplicable('no attack was run')
    const broken = attacks.flatMap((result) =>
      result.state === 'failed' && codes.has(result.error.code) ? [result] : [],
    )
    const names = broken.map(({ attack, error }) => `${attack.name} (${error.code})`).join(', ')
    return {
      verdict: broken.length > 0 ? 'fail' : 'pass',
      value: broken.length,
      threshold: 0,
      evidence:
        broken.length > 0
          ? `${names} broke a rule`
          : `${attacks.length} of ${attacks.length} attacks kept the rules`,
    }
  },
})
