/** Check: adversarial examples for other models do not beat those for this one. */
import { notApplicable, raisedAbove } from './check.ts'
import { percent } from '../../base/figures.ts'
import {
  attackAccuracies,
  defineOutcomeCheck,
  onlyWeak,
  strongest,
  whiteBoxAttacks,
} from './outcome-check.ts'

const threshold = 0.002

/** From the checklist of Carlini et al. 2019, arXiv:1902.06705. */
export const transferWeaker = defineOutcomeCheck({
  id: 'transfer-weaker',
  title: 'Transfer is weaker',
  kind: 'outcome-check',
  raisedIf:
    `an attack through other models leaves an accuracy more than ${100 * threshold} points ` +
    'below that of the strongest white-box attack on this model',
  meaning:
    'The gradients of another model are more informative about this one than its own gradients: ' +
    'they are masked.',
  whatToDo:
    'Find the reason among the probes. Start white-box attacks at the transferred examples, and ' +
    'use `bpda` or another loss.',
  check(context) {
    const attacks = attackAccuracies(context)
    const transfer = strongest(attacks.filter(({ facts }) => facts.surrogates))
    const whites = whiteBoxAttacks(context)
    const weak = whites.length > 0 ? onlyWeak(whites) : undefined
    if (weak !== undefined) return notApplicable(weak)
    const white = strongest(whites)
    if (!transfer || !white) {
      return notApplicable('a white-box and a transfer attack are needed')
    }
    const gap = white.accuracy - transfer.accuracy
    const evidence =
      `${transfer.name} (transfer) leaves ${percent(transfer.accuracy)}, ${white.name} ` +
      `(white-box) ${percent(white.accuracy)}`
    return raisedAbove(threshold, gap, evidence)
  },
})
