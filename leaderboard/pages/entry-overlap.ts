/** How the attacks of an entry overlap: what each broke, and what it alone broke. */
import { isCorruption } from '../../reports/theme/corruptions.ts'
import { proportion } from '../../reports/theme/proportion.ts'
import type { Proportion } from '../../reports/theme/proportion.ts'
import type { LeaderboardEntry } from '../entry-type.ts'
import { countAlone, countMask, intersection, outcomeMasks, union } from '../outcome-masks.ts'

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
  const broken = places.map((at) => outcomeMasks(entry.attacks[at]!).broken)
  const alone = countAlone(broken)
  const { correct } = entry.clean
  return {
    attacks: places.map((place, at) => ({
      name: entry.attacks[place]!.name,
      broken: proportion(entry.attacks[place]!.broken, correct),
      alone: proportion(alone[at]!, correct),
    })),
    byAll: countMask(intersection(broken)!),
    byAny: countMask(union(broken)!),
    correct,
  }
}
