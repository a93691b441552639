/** Check: plain PGD is not far from the worst case. */
import { worstCaseRobustAccuracy } from '../metrics/accuracy.ts'
import { notApplicable } from './check.ts'
import { percent } from '../metrics/figures.ts'
import { completed, defineOutcomeCheck, reached, strongest } from './outcome-check.ts'

const threshold = 0.1

export const attacksAgree = defineOutcomeCheck({
  id: 'attacks-agree',
  title: 'PGD is near the worst case',
  kind: 'comparison',
  raisedIf: `the strongest \`pgd\` leaves an accuracy more than ${100 * threshold} points above the worst case over all attacks`,
  meaning:
    'Something keeps plain gradient ascent from what is there to be found: a masked gradient, or steps, restarts and a loss that do not suit the model. What hides so much may hide more.',
  whatToDo:
    'Report the worst case, never the PGD figure; look at which attack broke most alone, and strengthen that one.',
  compare(context) {
    if (context.entry.threatModel.transform) {
      return notApplicable(
        'attacks may do more here than move in the ball, which is all that pgd does',
      )
    }
    const pgd = strongest(reached(context).filter(({ plugin }) => plugin === 'pgd'))
    const all = completed(context.entry)
    const worst = worstCaseRobustAccuracy(all.map(({ outcomes }) => outcomes))
    if (!pgd || worst === undefined || all.length < 2) {
      return notApplicable('pgd was not run beside other attacks')
    }
    const gap = pgd.accuracy - worst
    return {
      verdict: gap > threshold ? 'warn' : 'pass',
      value: gap,
      threshold,
      evidence: `${pgd.name} leaves ${percent(pgd.accuracy)}, all attacks together ${percent(worst)}`,
    }
  },
})
