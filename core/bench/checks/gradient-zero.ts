/** Checks: the gradient of each loss is not zero. */
import type { AttackLossName } from '../../attack/attack-loss.ts'
import { significant } from '../../base/figures.ts'
import { notApplicable, ofExamples } from './check.ts'
import { countFlagged } from './flags.ts'
import { defineProbe } from './probe.ts'
import type { Probe } from './probe.ts'
import { startGradients } from './start-gradients.ts'

/** Fraction of the examples; fewer zeros warn. */
const failFrom = 0.1

const texts = {
  'cross-entropy': {
    name: 'cross-entropy',
    meaning:
      'Usually the logits are so large that the softmax is exactly 0 and 1 in float32. The ' +
      'gradient of cross-entropy is then exactly zero, and an attack on cross-entropy alone ' +
      'reports almost the clean accuracy.',
    whatToDo:
      'Attack with `loss: "margin"` or `"dlr"`, or with `autoattack`. Do not report an attack ' +
      'on cross-entropy alone.',
  },
  margin: {
    name: 'the margin',
    meaning:
      'The softmax is not the cause: the logits themselves do not depend on the input where the ' +
      'attack starts, as behind rounding, signs, clipping, or units that are all dead.',
    whatToDo:
      'Use `bpda` through the component that has no derivative, and black-box attacks such as ' +
      '`square`.',
  },
  dlr: {
    name: 'DLR',
    meaning:
      'AutoAttack checks this gradient because DLR is invariant to the scale of the logits. If ' +
      'it is zero, the logits do not depend on the input where the attack starts.',
    whatToDo:
      'Use `bpda` through the component that has no derivative, and black-box attacks such as ' +
      '`square`.',
  },
} as const satisfies Record<AttackLossName, object>

/** Third check of AutoAttack (`checks.py`), which covers only DLR; here for each loss. */
export const gradientZero: readonly Probe[] = (['cross-entropy', 'margin', 'dlr'] as const).map(
  (loss) => {
    const { name, meaning, whatToDo } = texts[loss]
    return defineProbe({
      id: `gradient-${loss}`,
      title: `The gradient of ${name} is not zero`,
      kind: 'probe',
      raisedIf:
        `the gradient of ${name} is exactly zero at a random point of an example's ball; fails ` +
        `from ${significant(100 * failFrom)} % of the examples`,
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
