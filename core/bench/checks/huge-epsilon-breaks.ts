/** Check: a huge epsilon breaks all examples. */
import { hugeEpsilon, usualSteps } from './probe-attacks.ts'
import { significant } from '../../base/figures.ts'
import { notApplicable, ofExamples } from './check.ts'
import { brokenWithin, referencePgd } from './reference-pgd.ts'
import { countFlagged } from './flags.ts'
import { defineProbe } from './probe.ts'

/**
 * From the checklist of Carlini et al. 2019, arXiv:1902.06705, and from Pintor et al. 2022,
 * arXiv:2106.09947 ("unconstrained failure").
 */
export const hugeEpsilonBreaks = defineProbe({
  id: 'huge-epsilon-breaks',
  title: 'A huge epsilon breaks everything',
  kind: 'probe',
  raisedIf:
    `${usualSteps} steps on the margin, with an ε of half the range of the bounds, leave more ` +
    'than 1 / classes of the examples unbroken',
  meaning:
    'Such a ball contains plain gray for every image, which cannot be classified correctly for ' +
    'all classes. The attack failed on the examples that are still unbroken.',
  whatToDo:
    'The attack fails, and an adaptive attacker would not. Look at the checks of gradients, ' +
    'then use another loss, `bpda`, or `square`.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    const { count, model } = session
    const epsilon = hugeEpsilon(session)
    const found = await referencePgd(session, {
      loss: 'margin',
      steps: usualSteps,
      stepFraction: 0.1,
      epsilon,
      start: 'random',
    })
    const left = count - countFlagged(brokenWithin(found))
    const threshold = 1 / model.classes
    return {
      verdict: left / count > threshold ? 'fail' : 'pass',
      value: left / count,
      threshold,
      evidence:
        `with ε = ${significant(epsilon)}, ${usualSteps} steps on the margin leave ` +
        `${ofExamples(left, count)} unbroken`,
    }
  },
})
