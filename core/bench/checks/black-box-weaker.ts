/** Check: no attack that sees only logits beats the attacks that see the whole model. */
import { robustAccuracy } from '../metrics/accuracy.ts'
import { notApplicable, raisedAbove } from './check.ts'
import { percent } from '../../base/figures.ts'
import {
  attackAccuracies,
  defineOutcomeCheck,
  onlyWeak,
  strongest,
  whiteBoxAttacks,
} from './outcome-check.ts'
import type { OutcomeCheckContext } from './outcome-check.ts'

const threshold = 0.002

/**
 * Fourth check of AutoAttack, with its threshold (`checks.py`); also between stages of one attack.
 */
export const blackBoxWeaker = defineOutcomeCheck({
  id: 'black-box-weaker',
  title: 'Black-box attacks are weaker',
  kind: 'outcome-check',
  raisedIf:
    `a black-box attack leaves an accuracy more than ${100 * threshold} points below that of ` +
    'the strongest white-box attack, or a black-box stage lowers the accuracy by more than that ' +
    'after the white-box stages',
  meaning:
    'An attack with full knowledge of the model does worse than one that sees only its logits. ' +
    'The gradients are masked, and the true robust accuracy is probably lower still.',
  whatToDo:
    'Find the reason among the probes. Attack through it with `bpda`, `eot`, or another loss, ' +
    'and give the black-box attack more queries.',
  check(context) {
    const gaps = [...betweenAttacks(context), ...betweenStages(context)]
    const [worst] = gaps.toSorted((a, b) => b.gap - a.gap)
    const white = whiteBoxAttacks(context)
    const weak = white.length > 0 ? onlyWeak(white) : undefined
    if (!worst) return notApplicable(weak ?? 'a white-box and a black-box attack are needed')
    return raisedAbove(threshold, worst.gap, worst.evidence)
  },
})

interface Gap {
  readonly gap: number
  readonly evidence: string
}

function betweenAttacks(context: OutcomeCheckContext): Gap[] {
  const attacks = attackAccuracies(context).filter(({ facts }) => !facts.surrogates)
  const whites = whiteBoxAttacks(context)
  const white = onlyWeak(whites) === undefined ? strongest(whites) : undefined
  const black = strongest(attacks.filter(({ facts }) => facts.knowledge === 'black-box'))
  if (!white || !black) return []
  const evidence =
    `${black.name} (black-box) leaves ${percent(black.accuracy)}, ${white.name} (white-box) ` +
    percent(white.accuracy)
  return [{ gap: white.accuracy - black.accuracy, evidence }]
}

function betweenStages(context: OutcomeCheckContext): Gap[] {
  return attackAccuracies(context).flatMap(({ name, attack: { stages = [] } }) =>
    stages.flatMap((stage, place) => {
      const before = stages[place - 1]
      if (!before || context.factsOf(stage.name)?.knowledge !== 'black-box') return []
      const [high, low] = [robustAccuracy(before.outcomes), robustAccuracy(stage.outcomes)]
      const evidence =
        `within ${name}, the black-box stage ${stage.name} lowers ${percent(high)} to ` +
        percent(low)
      return [{ gap: high - low, evidence }]
    }),
  )
}
