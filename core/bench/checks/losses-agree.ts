/** Check: cross-entropy breaks as many examples as losses that are less sensitive to scale. */
import { significant } from '../../base/figures.ts'
import { notApplicable, ofExamples } from './check.ts'
import { brokenWithin } from './reference-pgd.ts'
import { countFlagged, inAny } from './flags.ts'
import { defineProbe } from './probe.ts'
import { usualReferencePgd, usualSteps } from './probe-attacks.ts'

/** Sound models also lose some examples to the margin alone: up to a tenth of 64 was observed. */
const threshold = 0.1
const failFrom = 0.3

/** Cross-entropy alone can hide adversarial examples that the margin or DLR finds. */
export const lossesAgree = defineProbe({
  id: 'losses-agree',
  title: 'Cross-entropy does not mislead',
  kind: 'probe',
  raisedIf:
    `${usualSteps} gradient steps on the margin or DLR break at least ${100 * threshold} % more ` +
    `of the examples than ${usualSteps} steps on cross-entropy; fails from ${100 * failFrom} %`,
  meaning:
    'The gradient of cross-entropy is rounded to zero, or dominated by classes that do not ' +
    'matter. An attack on cross-entropy alone reports robustness that does not exist.',
  whatToDo:
    'Attack with `loss: "margin"` or `"dlr"`, or with `autoattack`. Do not report an attack on ' +
    'cross-entropy alone.',
  async measure(session) {
    if (await session.noGradient()) return notApplicable('there is no gradient at all')
    const broken = async (loss: 'cross-entropy' | 'margin' | 'dlr'): Promise<Uint8Array> =>
      brokenWithin(await usualReferencePgd(session, loss), usualSteps)
    const byCrossEntropy = countFlagged(await broken('cross-entropy'))
    const byOthers = countFlagged(inAny(await broken('margin'), await broken('dlr')))
    const { count } = session
    const share = (byOthers - byCrossEntropy) / count
    return {
      verdict: share >= failFrom ? 'fail' : share >= threshold ? 'warn' : 'pass',
      value: share,
      threshold,
      evidence:
        `${usualSteps} steps on cross-entropy break ${ofExamples(byCrossEntropy, count)}, on ` +
        `the margin and DLR together ${byOthers} (${significant(100 * share)} % more)`,
    }
  },
})
