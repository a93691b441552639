/** Check: cross-entropy breaks as much as the losses that no scale can hide from. */
import { significant } from '../metrics/figures.ts'
import { notApplicable, ofExamples } from './check.ts'
import { brokenWithin } from './reference-pgd.ts'
import { countFlagged, inAny } from './flags.ts'
import { defineProbe } from './probe.ts'
import { usualReferencePgd, usualSteps } from './probe-attacks.ts'

/** Honest models, too, lose some examples to the margin alone: of 64, a tenth is within what is seen. */
const threshold = 0.1
const failFrom = 0.3

export const lossesAgree = defineProbe({
  id: 'losses-agree',
  title: 'Cross-entropy does not mislead',
  kind: 'probe',
  raisedIf: `${usualSteps} gradient steps on the margin or DLR break at least ${100 * threshold} % more of the examples than as many on cross-entropy; a failure from ${100 * failFrom} %`,
  meaning:
    'The gradient of cross-entropy is rounded away, or dominated by classes that do not matter. An attack that raises cross-entropy only reports robustness that is not there.',
  whatToDo:
    'Attack with `loss: "margin"` or `"dlr"`, or with `autoattack`; do not report an attack on cross-entropy alone.',
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
      evidence: `${usualSteps} steps on cross-entropy break ${ofExamples(byCrossEntropy, count)}, on the margin and DLR together ${byOthers} (${significant(100 * share)} % more)`,
    }
  },
})
