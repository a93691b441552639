/** Check: a larger ball is not harder to attack. */
import { usualReferencePgd, usualSteps } from './probe-attacks.ts'
import { notApplicable, ofExamples } from './check.ts'
import { brokenWithin, referencePgd } from './reference-pgd.ts'
import { countFlagged } from './flags.ts'
import { defineProbe } from './probe.ts'

const threshold = 0.05

/** From the checklist of Carlini et al. 2019, arXiv:1902.06705. */
export const epsilonHelpsAttacker = defineProbe({
  id: 'epsilon-helps-attacker',
  title: 'A larger epsilon never helps the defender',
  kind: 'probe',
  raisedIf:
    `the same attack breaks at least ${100 * threshold} % fewer of the examples with 2 ε than ` +
    'with ε',
  meaning:
    'The larger ball contains the smaller one, so the attack itself fails: its steps are too ' +
    'large, or the gradient leads it away from adversarial examples that it had reached.',
  whatToDo: 'Use smaller steps, more of them, and restarts. Compare with `apgd-t` and `square`.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    const { count, threatModel } = session
    const broken = countFlagged(
      brokenWithin(await usualReferencePgd(session, 'margin'), usualSteps),
    )
    const epsilon = 2 * threatModel.epsilon
    const twice = await referencePgd(session, {
      loss: 'margin',
      steps: usualSteps,
      stepFraction: 0.1,
      epsilon,
      start: 'random',
    })
    const brokenTwice = countFlagged(brokenWithin(twice))
    const share = (broken - brokenTwice) / count
    return {
      verdict: share >= threshold ? 'fail' : 'pass',
      value: share,
      threshold,
      evidence:
        `${usualSteps} steps break ${ofExamples(broken, count)} with ε, ` +
        `${brokenTwice} with 2 ε`,
    }
  },
})
