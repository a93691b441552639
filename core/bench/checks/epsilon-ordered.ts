/** Check: robust accuracy does not rise with epsilon. */
import { robustAccuracy } from '../metrics/accuracy.ts'
import { percent, significant } from '../metrics/figures.ts'
import { notApplicable } from './check.ts'
import { completed, defineOutcomeCheck } from './outcome-check.ts'
import type { ComparedEntry } from './outcome-check.ts'

const threshold = 0.002

/** From the checklist of Carlini et al. 2019, arXiv:1902.06705. */
export const epsilonOrdered = defineOutcomeCheck({
  id: 'epsilon-ordered',
  title: 'Accuracy falls with epsilon',
  kind: 'comparison',
  raisedIf: `the same attack on the same model in the same norm leaves, with a larger ε, an accuracy more than ${100 * threshold} points higher`,
  meaning:
    'Every point of the smaller ball is in the larger one, so the attack with the larger ε failed for a reason of its own, and its accuracy is too high.',
  whatToDo: 'Give the attack more and smaller steps, and restarts; compare with `autoattack`.',
  compare({ entry, entries }) {
    const rises = entries
      .filter((other) => isSmaller(other, entry))
      .flatMap((other) =>
        completed(entry).flatMap(({ attack, outcomes }) => {
          const before = completed(other).find((same) => same.attack.name === attack.name)
          if (!before) return []
          const [low, high] = [robustAccuracy(before.outcomes), robustAccuracy(outcomes)]
          const evidence = `${attack.name} leaves ${percent(high)} with ε = ${significant(entry.threatModel.epsilon)}, ${percent(low)} with ε = ${significant(other.threatModel.epsilon)}`
          return [{ rise: high - low, evidence }]
        }),
      )
    const [worst] = rises.toSorted((a, b) => b.rise - a.rise)
    if (!worst) return notApplicable('this attack was not run with a smaller ε')
    return {
      verdict: worst.rise > threshold ? 'fail' : 'pass',
      value: worst.rise,
      threshold,
      evidence: worst.evidence,
    }
  },
})

/** Whether the entry is the same as the other but for a smaller ball. */
function isSmaller(entry: ComparedEntry, other: ComparedEntry): boolean {
  return (
    entry.defense.model.sha256 === other.defense.model.sha256 &&
    entry.dataset.sha256 === other.dataset.sha256 &&
    entry.dataset.examples === other.dataset.examples &&
    entry.threatModel.norm === other.threatModel.norm &&
    !entry.threatModel.transform &&
    !other.threatModel.transform &&
    entry.threatModel.epsilon < other.threatModel.epsilon
  )
}
