/** Check: no attack that sees only logits beats those that see the whole model. */
import { robustAccuracy } from '../metrics/accuracy.ts'
import { notApplicable } from './check.ts'
import { percent } from '../metrics/figures.ts'
import { defineOutcomeCheck, reached, strongest } from './outcome-check.ts'
import type { OutcomeCheckContext } from './outcome-check.ts'

const threshold = 0.002

/** The fourth of AutoAttack's checks, with its threshold (`checks.py`); also between the stages of one attack. */
export const blackBoxWeaker = defineOutcomeCheck({
  id: 'black-box-weaker',
  title: 'Black-box attacks are weaker',
  kind: 'comparison',
  raisedIf: `a black-box attack leaves an accuracy more than ${100 * threshold} points below that of the strongest white-box attack, or a black-box stage takes more than that off what the white-box stages before it left`,
  meaning:
    'Whoever knows the whole model does worse than one who sees its logits only: the gradients are masked, and the accuracy is probably too high even now.',
  whatToDo:
    'Look at the probes for the reason; attack through it with `bpda`, `eot` or another loss, and give the black-box attack more queries.',
  compare(context) {
    const gaps = [...betweenAttacks(context), ...betweenStages(context)]
    const [worst] = gaps.toSorted((a, b) => b.gap - a.gap)
    if (!worst) return notApplicable('no white-box and black-box attack were run side by side')
    return {
      verdict: worst.gap > threshold ? 'fail' : 'pass',
      value: worst.gap,
      threshold,
      evidence: worst.evidence,
    }
  },
})

interface Gap {
  readonly gap: number
  readonly evidence: string
}

function betweenAttacks(context: OutcomeCheckContext): Gap[] {
  const attacks = reached(context).filter(({ facts }) => !facts.surrogates)
  const white = strongest(attacks.filter(({ facts }) => facts.knowledge === 'white-box'))
  const black = strongest(attacks.filter(({ facts }) => facts.knowledge === 'black-box'))
  if (!white || !black) return []
  const evidence = `${black.name} (black-box) leaves ${percent(black.accuracy)}, ${white.name} (white-box) ${percent(white.accuracy)}`
  return [{ gap: white.accuracy - black.accuracy, evidence }]
}

function betweenStages(context: OutcomeCheckContext): Gap[] {
  return reached(context).flatMap(({ name, attack: { stages = [] } }) =>
    stages.flatMap((stage, place) => {
      const before = stages[place - 1]
      if (!before || context.factsOf(stage.name)?.knowledge !== 'black-box') return []
      const [high, low] = [robustAccuracy(before.outcomes), robustAccuracy(stage.outcomes)]
      const evidence = `within ${name}, the black-box stage ${stage.name} takes ${percent(high)} down to ${percent(low)}`
      return [{ gap: high - low, evidence }]
    }),
  )
}
