/** Check: data, ε, and step sizes fit each other. */
import { significant } from '../../base/figures.ts'
import { isBelowLevels } from '../../threat/epsilon-range.ts'
import { formatEpsilon } from '../../threat/epsilon.ts'
import { stepProblem } from './ball-steps.ts'
import { defineOutcomeCheck } from './outcome-check.ts'
import type { CheckedEntry, OutcomeCheckContext } from './outcome-check.ts'

/** Settings that run, but are likely to be mistakes. What is certain to be one is refused. */
export const settingsPlausible = defineOutcomeCheck({
  id: 'settings-plausible',
  title: 'Data, ε, and step sizes fit each other',
  kind: 'outcome-check',
  mayLack: true,
  raisedIf:
    'all images lie in a narrower range than their bounds, or look normalized; ε is below a tenth ' +
    'of a gray level; targets are the labels of their images; or the steps of an attack are longer ' +
    'than the diameter of the ball, or together too short to reach its boundary',
  meaning:
    'The result is likely to answer another question: ε and bounds are in other units than the ' +
    'images, or an attack does not search the ball. The robust accuracy is then too high, or not ' +
    'comparable with others.',
  whatToDo:
    'State the range of the images (`--bounds`), the normalization of the model (`--mean`, ' +
    '`--std`), and ε and step sizes in the units of the images. Leave out step sizes to use those ' +
    'of the attack. Choose targets other than the labels.',
  check({ entry, factsOf }) {
    const found = [
      ...(entry.dataset.doubts ?? []),
      ...epsilonDoubts(entry.threatModel),
      ...stepDoubts({ entry, factsOf }),
    ]
    return {
      verdict: found.length > 0 ? 'warn' : 'pass',
      value: found.length,
      threshold: 0,
      evidence: found.length > 0 ? found.join('; ') : 'nothing unusual was found',
    }
  },
})

/** Doubts about ε, as sentences. */
export function epsilonDoubts(threatModel: CheckedEntry['threatModel']): string[] {
  const { epsilon, bounds, given } = threatModel
  if (given === 'box' || !isBelowLevels(threatModel)) return []
  const share = significant((epsilon * 255) / (bounds[1] - bounds[0]))
  return [
    `ε = ${formatEpsilon(epsilon)} is ${share} gray levels of images in ` +
      `[${bounds.join(', ')}], so no 8-bit image would change`,
  ]
}

/** Doubts about the steps of attacks, as sentences. */
function stepDoubts({ entry, factsOf }: Pick<OutcomeCheckContext, 'entry' | 'factsOf'>): string[] {
  const found = entry.attacks.flatMap(({ attack: { name, plugin, options } }) => {
    const problem = factsOf(plugin)?.statesSteps && stepProblem(options, entry.threatModel)
    return problem ? [`${name} ${problem}`] : []
  })
  return [...new Set(found)]
}
