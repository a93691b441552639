/** Check: attacks of one step do not beat iterative ones. */
import { notApplicable, raisedAbove } from './check.ts'
import { percent } from '../../base/figures.ts'
import { defineOutcomeCheck, isOneStep, strongest, whiteBoxAttacks } from './outcome-check.ts'

const threshold = 0.002

/** From the checklist of Carlini et al. 2019, arXiv:1902.06705. */
export const iterationsHelp = defineOutcomeCheck({
  id: 'iterations-help',
  title: 'Iterations help',
  kind: 'outcome-check',
  raisedIf:
    `\`fgsm\`, or another attack of one step, leaves an accuracy more than ${100 * threshold} ` +
    'points below that of the strongest iterative white-box attack',
  meaning:
    'Small steps get stuck where a large one does not: the gradient is useful at a distance but ' +
    'not close to the input, or the steps were too small or too few.',
  whatToDo: 'Use larger steps, more of them, and restarts. Compare with `apgd-t` and `square`.',
  check(context) {
    const white = whiteBoxAttacks(context).filter(({ facts }) => !facts.restricted)
    const one = strongest(white.filter(isOneStep))
    const many = strongest(white.filter((attack) => !isOneStep(attack)))
    if (!one || !many)
      return notApplicable(
        'a one-step and an iterative white-box attack on the whole ball are needed',
      )
    const gap = many.accuracy - one.accuracy
    const evidence =
      `${one.name} (one step) leaves ${percent(one.accuracy)}, ${many.name} ` +
      percent(many.accuracy)
    return raisedAbove(threshold, gap, evidence)
  },
})
