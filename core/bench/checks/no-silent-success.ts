/** Check: attacks return the adversarial examples that they found. */
import { notApplicable, ofExamples } from './check.ts'
import { completed, defineOutcomeCheck } from './outcome-check.ts'

const failFrom = 0.01

/** Third failure of Pintor et al. 2022, arXiv:2106.09947. */
export const noSilentSuccess = defineOutcomeCheck({
  id: 'no-silent-success',
  title: 'Attacks return what they found',
  kind: 'outcome-check',
  raisedIf:
    'an attack queried a misclassified point in the ball of an example, but returned another ' +
    `point that is classified correctly; fails from ${100 * failFrom} % of all examples`,
  meaning:
    'The attack broke the example and lost the result: it returns its last iterate rather than ' +
    'its best one, or it is targeted and continued toward its target. The accuracy is too high ' +
    'by at most this number of examples.',
  whatToDo: 'Fix the attack (`trackBestAdversarial` keeps the best point), or run it untargeted.',
  check({ entry }) {
    const observed = completed(entry).filter(({ silentSuccesses }) => silentSuccesses !== undefined)
    if (observed.length === 0) return notApplicable('no attack was observed')
    const [worst] = observed.toSorted((a, b) => (b.silentSuccesses ?? 0) - (a.silentSuccesses ?? 0))
    const count = worst?.silentSuccesses ?? 0
    const { examples } = entry.dataset
    return {
      verdict: count >= failFrom * examples ? 'fail' : count > 0 ? 'warn' : 'pass',
      value: count,
      threshold: 0,
      evidence:
        count > 0
          ? `${worst!.attack.name} queried a misclassified point but returned none for ` +
            ofExamples(count, examples)
          : `none of ${observed.length} observed attacks lost a misclassified point`,
    }
  },
})
