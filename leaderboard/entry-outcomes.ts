/** The outcomes of an entry, and whether its counts follow from them. */
import {
  brokenByOnlyOne,
  countOutcomes,
  worstCaseOutcomes,
} from '../core/bench/metrics/accuracy.ts'
import type { EntryAttack, LeaderboardEntry } from './entry-type.ts'
import { unpackOutcomes } from './packed-outcomes.ts'

/**
 * The outcomes of each attack, in the order of the entry: `w`, `r`, or `b` per example. Entries
 * from `checkEntry` have valid ones.
 */
export function entryOutcomes({ attacks, dataset }: LeaderboardEntry): string[] {
  return attacks.map((attack) => {
    const found = unpackOutcomes(attack.outcomes, dataset.examples)
    return 'outcomes' in found ? found.outcomes.replaceAll('c', 'w') : ''
  })
}

/** Clean outcomes of an entry, `1` or `0` per example: an attack is misled only by correct ones. */
export function entryCleanOutcomes(entry: LeaderboardEntry): string {
  const [first = ''] = entryOutcomes(entry)
  return first.replaceAll(/[rb]/g, '1').replaceAll('w', '0')
}

/** Counts that do not follow from the outcomes, each with its position. */
export function outcomeObjections(entry: LeaderboardEntry): string[] {
  const { attacks, dataset, clean, worstCase, threatModel } = entry
  const found: string[] = []
  if (threatModel.epsilon === 0 && !threatModel.transform) {
    found.push('/threatModel/epsilon: must be greater than 0 without a transform, got 0')
  }
  const all: string[] = []
  attacks.forEach((attack, index) => {
    const unpacked = unpackOutcomes(attack.outcomes, dataset.examples)
    if ('problem' in unpacked) found.push(`/attacks/${index}/outcomes: ${unpacked.problem}`)
    else all.push(unpacked.outcomes)
  })
  if (all.length < attacks.length) return found
  const outcomes = all.map((own) => own.replaceAll('c', 'w'))
  const differing = outcomes.findIndex((own) => own.replaceAll('r', 'b') !== wrongOf(outcomes[0]!))
  if (differing > 0) {
    found.push(
      `/attacks/${differing}/outcomes: other examples are misclassified without attack than in ` +
        'attack 0',
    )
    return found
  }
  const alone = brokenByOnlyOne(outcomes)
  attacks.forEach((attack, index) => {
    found.push(...attackObjections(attack, all[index]!, alone[index]!, entry, index))
  })
  const correct = outcomes[0]!.replaceAll('w', '').length
  found.push(...differs('/clean/correct', clean.correct, correct))
  const worst = countOutcomes(worstCaseOutcomes(outcomes) ?? '').robust
  found.push(...differs('/worstCase/robust', worstCase.robust, worst))
  found.push(...curveObjections('/worstCase/curve', worstCase.curve, worst, entry))
  return found
}

function wrongOf(outcomes: string): string {
  return outcomes.replaceAll('r', 'b')
}

function attackObjections(
  attack: EntryAttack,
  outcomes: string,
  alone: number,
  entry: LeaderboardEntry,
  index: number,
): string[] {
  const counts = countOutcomes(outcomes.replaceAll('c', 'w'))
  const place = `/attacks/${index}`
  const corrupted = outcomes.replaceAll(/[wb]/g, '').length
  const isCorrupted = attack.corrupted !== undefined
  return [
    ...differs(`${place}/wrong`, attack.wrong, counts.wrong),
    ...differs(`${place}/robust`, attack.robust, counts.robust),
    ...differs(`${place}/broken`, attack.broken, counts.broken),
    ...differs(`${place}/brokenAlone`, attack.brokenAlone, alone),
    ...(isCorrupted ? differs(`${place}/corrupted`, attack.corrupted, corrupted) : []),
    ...(!isCorrupted && outcomes.includes('c')
      ? [`${place}/outcomes: the code 3 is for corruptions only`]
      : []),
    ...curveObjections(`${place}/curve`, attack.curve, counts.robust, entry),
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
