/** All outcome checks, and how they run on an entry of a result. */
import { isAdversarial } from '../../threat/transforms/table.ts'
import { answersKeepRules } from './answers-keep-rules.ts'
import { attacksAgree } from './attacks-agree.ts'
import { blackBoxWeaker } from './black-box-weaker.ts'
import { nameFinding, notApplicable } from './check.ts'
import type { Check } from './check.ts'
import type { OutcomeCheck, OutcomeCheckContext } from './outcome-check.ts'
import { cleanAccuracy } from './clean-accuracy.ts'
import { epsilonOrdered } from './epsilon-ordered.ts'
import { iterationsHelp } from './iterations-help.ts'
import { noSilentSuccess } from './no-silent-success.ts'
import { settingsPlausible } from './settings-plausible.ts'
import { transferWeaker } from './transfer-weaker.ts'
import { whiteBoxRun } from './white-box-run.ts'

/** All outcome checks in reading order. To add one, add a file here and a line below. */
export const outcomeChecks: readonly OutcomeCheck[] = [
  cleanAccuracy,
  settingsPlausible,
  whiteBoxRun,
  blackBoxWeaker,
  transferWeaker,
  iterationsHelp,
  epsilonOrdered,
  attacksAgree,
  noSilentSuccess,
  answersKeepRules,
]

/**
 * One check for each of `outcomeChecks`, in their order. None applies to corruptions, which have no
 * attacker.
 */
export function checkOutcomes(context: OutcomeCheckContext): Check[] {
  const adversarial = isAdversarial(context.entry.threatModel)
  return outcomeChecks.map((outcomeCheck) =>
    nameFinding(
      outcomeCheck,
      adversarial
        ? outcomeCheck.check(context)
        : notApplicable('corruptions do not depend on the model'),
    ),
  )
}
