/** Runs the comparisons on an entry of a result. */
import { isAdversarial } from '../../threat/transforms/table.ts'
import { answersKeepRules } from './answers-keep-rules.ts'
import { attacksAgree } from './attacks-agree.ts'
import { blackBoxWeaker } from './black-box-weaker.ts'
import { nameFinding, notApplicable } from './check.ts'
import type { Check } from './check.ts'
import type { OutcomeCheck, OutcomeCheckContext } from './outcome-check.ts'
import { epsilonOrdered } from './epsilon-ordered.ts'
import { iterationsHelp } from './iterations-help.ts'
import { noSilentSuccess } from './no-silent-success.ts'
import { transferWeaker } from './transfer-weaker.ts'
import { whiteBoxRun } from './white-box-run.ts'

/** All comparisons, in the order in which they are read; a new one is a file beside this and a line here. */
export const outcomeChecks: readonly OutcomeCheck[] = [
  whiteBoxRun,
  blackBoxWeaker,
  transferWeaker,
  iterationsHelp,
  epsilonOrdered,
  attacksAgree,
  noSilentSuccess,
  answersKeepRules,
]

/** A check for each comparison, in the order of `comparisons`. Corruptions have no attacker, so there is nothing to compare. */
export function checkOutcomes(context: OutcomeCheckContext): Check[] {
  const compared = isAdversarial(context.entry.threatModel)
  return outcomeChecks.map((comparison) =>
    nameFinding(
      comparison,
      compared
        ? comparison.compare(context)
        : notApplicable('corruptions are not chosen against the model'),
    ),
  )
}
