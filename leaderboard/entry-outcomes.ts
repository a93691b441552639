/** The outcomes of an entry, and whether its counts follow from them. */
import {
  correctMask,
  countAlone,
  countDiffering,
  countMask,
  intersection,
  outcomeMasks,
} from './outcome-masks.ts'
import type { OutcomeMasks } from './outcome-masks.ts'
import type { EntryAttack, LeaderboardEntry } from './entry-type.ts'
import { packingProblem, spell, unpackOutcomes } from './packed-outcomes.ts'

/**
 * The outcomes of each attack, in the order of the entry: `w`, `r`, or `b` per example. Entries
 * from `checkEntry` have valid ones.
 */
export function entryOutcomes({ attacks, dataset }: LeaderboardEntry): string[] {
  return attacks.map((attack) => {
    const found = unpackOutcomes(attack.outcomes, dataset.examples)
    if ('problem' in found) return ''
    return attack.corrupted === undefined ? found.outcomes : found.outcomes.replaceAll('c', 'w')
  })
}

/**
 * Clean outcomes of an entry, `1` or `0` per example: an attack is misled only by correct ones.
 * Entries from `checkEntry` have valid ones.
 */
export function entryCleanOutcomes({ attacks, dataset }: LeaderboardEntry): string {
  const [first] = attacks
  return first ? spell(first.outcomes, dataset.examples, '0110') : ''
}

/** Counts that do not follow from the outcomes, each with its position. */
export function outcomeObjections(entry: LeaderboardEntry): string[] {
  const { attacks, dataset, clean, worstCase, threatModel } = entry
  const found: string[] = []
  if (threatModel.epsilon === 0 && !threatModel.transform) {
    found.push('/threatModel/epsilon: must be greater than 0 without a transform, got 0')
  }
  const problems = attacks.flatMap(({ outcomes }, index) => {
    const problem = packingProblem(outcomes, dataset.examples)
    return problem === undefined ? [] : [`/attacks/${index}/outcomes: ${problem}`]
  })
  if (problems.length > 0) return [...found, ...problems]
  const correct = correctMask(entry)
  const differing = attacks.findIndex((attack) => {
    const { onlyA, onlyB } = countDiffering(correct, correctMask({ attacks: [attack] }))
    return onlyA + onlyB > 0
  })
  if (differing > 0) {
    found.push(
      `/attacks/${differing}/outcomes: other examples are misclassified without attack than in ` +
        'attack 0',
    )
    return found
  }
  const masks = attacks.map(outcomeMasks)
  const alone = countAlone(masks.map(({ broken }) => broken))
  attacks.forEach((attack, index) => {
    found.push(...attackObjections(attack, masks[index]!, alone[index]!, entry, index))
  })
  found.push(...differs('/clean/correct', clean.correct, countMask(correct)))
  // Entries have at least one attack.
  const worst = countMask(intersection(masks.map(({ robust }) => robust))!)
  found.push(...differs('/worstCase/robust', worstCase.robust, worst))
  found.push(...curveObjections('/worstCase/curve', worstCase.curve, worst, entry))
  return found
}

function attackObjections(
  attack: EntryAttack,
  masks: OutcomeMasks,
  alone: number,
  entry: LeaderboardEntry,
  index: number,
): string[] {
  const place = `/attacks/${index}`
  const robust = countMask(masks.robust)
  const broken = countMask(masks.broken)
  const corruptedOnly = countMask(masks.corruptedOnly)
  const isCorrupted = attack.corrupted !== undefined
  return [
    ...differs(`${place}/wrong`, attack.wrong, entry.dataset.examples - robust - broken),
    ...differs(`${place}/robust`, attack.robust, robust),
    ...differs(`${place}/broken`, attack.broken, broken),
    ...differs(`${place}/brokenAlone`, attack.brokenAlone, alone),
    ...(isCorrupted ? differs(`${place}/corrupted`, attack.corrupted, robust + corruptedOnly) : []),
    ...(!isCorrupted && corruptedOnly > 0
      ? [`${place}/outcomes: the code 3 is for corruptions only`]
      : []),
    ...curveObjections(`${place}/curve`, attack.curve, robust, entry),
  ]
}

/** A curve falls with ε, and has the robust examples of the outcomes at the entry's ε. */
function curveObjections(
  place: string,
  curve: EntryAttack['curve'],
  robust: number,
  { threatModel, clean }: LeaderboardEntry,
): string[] {
  if (!curve) return []
  const { epsilons, robust: counts } = curve
  if (epsilons.length !== counts.length) {
    return [`${place}: must have one count per epsilon`]
  }
  const falls = epsilons.every(
    (epsilon, at) => at === 0 || (epsilon > epsilons[at - 1]! && counts[at]! <= counts[at - 1]!),
  )
  const most = Math.max(...counts)
  if (!falls || most > clean.correct) {
    return [`${place}: must fall with epsilon, from at most ${clean.correct} (clean.correct)`]
  }
  const at = epsilons.indexOf(threatModel.epsilon)
  return at < 0
    ? [`${place}/epsilons: must contain ${threatModel.epsilon}, the epsilon of the threat model`]
    : differs(`${place}/robust/${at}`, counts[at], robust)
}

function differs(place: string, stated: number | undefined, counted: number): string[] {
  if (stated === counted) return []
  return [`${place}: must be ${counted}, as the outcomes give, got ${stated}`]
}
