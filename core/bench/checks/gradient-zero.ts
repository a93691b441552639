/** Checks: the gradient of each loss is not zero. */
import type { AttackLossName } from '../../attack/attack-loss.ts'
import { significant } from '../metrics/figures.ts'
import { notApplicable, ofExamples } from './check.ts'
import { countFlagged } from './flags.ts'
import { defineProbe } from './probe.ts'
import type { Probe } from './probe.ts'
import { startGradients } from './start-gradients.ts'

/** Of the examples; a few zeros warn. */
const failFrom = 0.1

const texts = {
  'cross-entropy': {
    name: 'cross-entropy',
    meaning:
      'Usually the logits are so large that the softmax of float32 is exactly 0 and 1: the gradient of cross-entropy is then exactly zero, and an attack that raises nothing else reports all but the clean accuracy.',
    whatToDo:
      'Attack with `loss: "margin"` or `"dlr"`, or with `autoattack`; do not report an attack on cross-entropy alone.',
  },
  margin: {
    name: 'the margin',
    meaning:
      'No softmax can be to blame: the logits themselves do not depend on the input where the attack begins, as behind a rounding, a sign, a clipping, or units that are all dead.',
    whatToDo:
      'Use `bpda` through the stage that has no derivative, and black-box attacks such as `square`.',
  },
  dlr: {
    name: 'DLR',
    meaning:
      'AutoAttack checks this one, since DLR does not depend on the scale of the logits: if it is zero they do not depend on the input where the attack begins.',
    whatToDo:
      'Use `bpda` through the stage that has no derivative, and black-box attacks such as `square`.',
  },
} as const satisfies Record<AttackLossName, object>

/** As the third of AutoAttack's checks, which looks at DLR alone (`checks.py`), for each loss. */
export const gradientZero: readonly Probe[] = (['cross-entropy', 'margin', 'dlr'] as const).map(
  (loss) => {
    const { name, meaning, whatToDo } = texts[loss]
    return defineProbe({
      id: `gradient-${loss}`,
      title: `The gradient of ${name} is not zero`,
      kind: 'probe',
      raisedIf: `at a random point of its ball an example's gradient of ${name} is exactly zero; fails from ${significant(100 * failFrom)} % of the examples`,
      meaning,
      whatToDo,
      async measure(session) {
        const reason = await session.noGradient()
        if (reason) return notApplicable('there is no gradient at all')
        const { zero } = await startGradients(session, loss)
        const count = countFlagged(zero)
        const share = count / zero.length
        return {
          verdict: share >= failFrom ? 'fail' : count > 0 ? 'warn' : 'pass',
          value: share,
          threshold: 0,
          evidence: `${ofExamples(count, zero.length)} have a zero gradient of ${name}`,
        }
      },
    })
  },
)
