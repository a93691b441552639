/** How the attacks of an entry overlap: what each broke, and what it alone broke. */
import { isCorruption } from '../../reports/theme/corruptions.ts'
import { proportion } from '../../reports/theme/proportion.ts'
import type { Proportion } from '../../reports/theme/proportion.ts'
import { entryOutcomes } from '../entry-outcomes.ts'
import type { LeaderboardEntry } from '../entry-type.ts'

/** What one attack broke, as fractions of the initially correct examples. */
export interface AttackShare {
  readonly name: string
  readonly broken: Proportion
  readonly alone: Proportion
}

/** The attacks of an entry side by side. */
export interface AttackOverlap {
  readonly attacks: readonly AttackShare[]
  /** Broken by every attack, and by at least one. */
  readonly byAll: number
  readonly byAny: number
  readonly correct: number
}

/** The overlap of an entry; undefined with fewer than two attacks that are not corruptions. */
export function attackOverlap(entry: LeaderboardEntry): AttackOverlap | undefined {
  const places = [...entry.attacks.keys()].filter((at) => !isCorruption(entry.attacks[at]!))
  if (places.length < 2) return undefined
  const all = entryOutcomes(entry)
  const outcomes = places.map((at) => all[at]!)
  const alone = places.map(() => 0)
  let byAll = 0
  let byAny = 0
  for (let i = 0; i < entry.dataset.examples; i++) {
    const breaking = outcomes.flatMap((marks, at) => (marks[i] === 'b' ? [at] : []))
    if (breaking.length > 0) byAny += 1
    if (breaking.length === outcomes.length) byAll += 1
    if (breaking.length === 1) alone[breaking[0]!]! += 1
  }
  const { correct } = entry.clean
  return {
    attacks: places.map((place, at) => ({
      name: entry.attacks[place]!.name,
      broken: proportion(entry.attacks[place]!.broken, correct),
      alone: proportion(alone[at]!, correct),
    })),
    byAll,
    byAny,
    correct,
  }
}
