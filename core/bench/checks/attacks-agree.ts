/** Check: plain PGD is close to the worst case. */
import { worstCaseRobustAccuracy } from '../metrics/accuracy.ts'
import { notApplicable, raisedAbove } from './check.ts'
import { percent } from '../../base/figures.ts'
import { completed, defineOutcomeCheck, attackAccuracies, strongest } from './outcome-check.ts'

const threshold = 0.1

/** A large gap between PGD and the worst case is a sign of masked gradients. */
export const attacksAgree = defineOutcomeCheck({
  id: 'attacks-agree',
  title: 'PGD is close to the worst case',
  kind: 'outcome-check',
  raisedIf:
    `the strongest \`pgd\` leaves an accuracy more than ${100 * threshold} points above ` +
    'the worst case over all attacks',
  meaning:
    'Plain gradient ascent misses many adversarial examples that exist. The gradient is masked, ' +
    'or steps, restarts, and loss do not suit the model. Further examples may be missed, too.',
  whatToDo:
    'Report the worst case, never the accuracy under PGD. Look for the attack that broke the ' +
    'most examples on its own, and strengthen it.',
  check(context) {
    if (context.entry.threatModel.transform) {
      return notApplicable(
        'attacks may transform images in this threat model, and pgd only moves in the ball',
      )
    }
    const pgd = strongest(attackAccuracies(context).filter(({ plugin }) => plugin === 'pgd'))
    const all = completed(context.entry)
    const worst = worstCaseRobustAccuracy(all.map(({ outcomes }) => outcomes))
    if (!pgd || worst === undefined || all.length < 2) {
      return notApplicable('pgd and another attack are needed')
    }
    const gap = pgd.accuracy - worst
    const evidence =
      `${pgd.name} leaves ${percent(pgd.accuracy)}, ` +
      `the combination of all attacks leaves ${percent(worst)}`
    return raisedAbove(threshold, gap, evidence, 'warn')
  },
})
