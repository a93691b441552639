/** Check: attacks return what they found. */
import { notApplicable, ofExamples } from './check.ts'
import { completed, defineOutcomeCheck } from './outcome-check.ts'

const failFrom = 0.01

/** The third of the failures of Pintor et al. 2022, arXiv:2106.09947. */
export const noSilentSuccess = defineOutcomeCheck({
  id: 'no-silent-success',
  title: 'Attacks return what they found',
  kind: 'comparison',
  raisedIf: `the host saw an attack ask about a misclassified point within the ball of an example, but got another point that is classified correctly; fails from ${100 * failFrom} % of all examples`,
  meaning:
    'The attack had broken the example and lost it: it returns its last iterate rather than its best, or, being targeted, went on for its target. The accuracy is too high by at most that many examples.',
  whatToDo: 'Mend the attack (`keepStrongest` does the bookkeeping), or run it untargeted.',
  compare({ entry }) {
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
          ? `${worst!.attack.name} met a misclassified point, and returned none, for ${ofExamples(count, examples)}`
          : `none of ${observed.length} observed attacks lost a misclassified point`,
    }
  },
})
