/** Check: examples made for other models do not beat those made for this one. */
import { notApplicable } from './check.ts'
import { percent } from '../metrics/figures.ts'
import { defineOutcomeCheck, reached, strongest } from './outcome-check.ts'

const threshold = 0.002

/** From the checklist of Carlini et al. 2019, arXiv:1902.06705. */
export const transferWeaker = defineOutcomeCheck({
  id: 'transfer-weaker',
  title: 'Transfer is weaker',
  kind: 'comparison',
  raisedIf: `an attack on other models leaves an accuracy more than ${100 * threshold} points below that of the strongest white-box attack on this one`,
  meaning: 'The gradients of another model say more about this one than its own: they are masked.',
  whatToDo:
    'Look at the probes for the reason; start white-box attacks at the transferred examples, and use `bpda` or another loss.',
  compare(context) {
    const attacks = reached(context)
    const transfer = strongest(attacks.filter(({ facts }) => facts.surrogates))
    const white = strongest(
      attacks.filter(({ facts }) => !facts.surrogates && facts.knowledge === 'white-box'),
    )
    if (!transfer || !white) {
      return notApplicable('no white-box and transfer attack were run side by side')
    }
    const gap = white.accuracy - transfer.accuracy
    return {
      verdict: gap > threshold ? 'fail' : 'pass',
      value: gap,
      threshold,
      evidence: `${transfer.name} (transfer) leaves ${percent(transfer.accuracy)}, ${white.name} (white-box) ${percent(white.accuracy)}`,
    }
  },
})
