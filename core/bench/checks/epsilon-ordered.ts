/** Check: robust accuracy does not increase with epsilon. */
import { robustAccuracy } from '../metrics/accuracy.ts'
import { percent, significant } from '../../base/figures.ts'
import { notApplicable, raisedAbove } from './check.ts'
import { completed, defineOutcomeCheck } from './outcome-check.ts'
import type { CheckedEntry } from './outcome-check.ts'

const threshold = 0.002

/** From the checklist of Carlini et al. 2019, arXiv:1902.06705. */
export const epsilonOrdered = defineOutcomeCheck({
  id: 'epsilon-ordered',
  title: 'Accuracy falls with epsilon',
  kind: 'outcome-check',
  raisedIf:
    'the same attack on the same model in the same norm leaves, with a larger ε, an accuracy ' +
    `more than ${100 * threshold} points higher`,
  meaning:
    'The larger ball contains the smaller one, so the attack with the larger ε itself failed, ' +
    'and the accuracy under it is too high.',
  whatToDo: 'Give the attack more and smaller steps, and restarts. Compare with `autoattack`.',
  check({ entry, entries }) {
    const rises = entries
      .filter((other) => isSmaller(other, entry))
      .flatMap((other) =>
        completed(entry).flatMap(({ attack, outcomes }) => {
          const before = completed(other).find((same) => same.attack.name === attack.name)
          if (!before) return []
          const [low, high] = [robustAccuracy(before.outcomes), robustAccuracy(outcomes)]
          const evidence =
            `${attack.name} leaves ${percent(high)} with ε = ` +
            `${significant(entry.threatModel.epsilon)}, ${percent(low)} with ε = ` +
            significant(other.threatModel.epsilon)
          return [{ rise: high - low, evidence }]
        }),
      )
    const [worst] = rises.toSorted((a, b) => b.rise - a.rise)
    if (!worst) return notApplicable('no attack was also run with a smaller ε')
    return raisedAbove(threshold, worst.rise, worst.evidence)
  },
})

/** Whether two entries differ only in the size of the ball, and the first ball is smaller. */
function isSmaller(entry: CheckedEntry, other: CheckedEntry): boolean {
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
