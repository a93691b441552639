/** Merges the entries of one model, over all attacks of all of them. */
import { corruptionMatrices, isCorruption } from '../reports/theme/corruptions.ts'
import type { CorruptionFinding } from '../reports/theme/corruptions.ts'
import { proportion } from '../reports/theme/proportion.ts'
import type { Proportion } from '../reports/theme/proportion.ts'
import { entryLocation } from './entry.ts'
import type { EvidenceStatus } from './entry-check.ts'
import type { EntryAttack, LeaderboardEntry } from './entry-type.ts'
import { countMask, intersection, robustMask } from './outcome-masks.ts'
import type { ExampleMask } from './outcome-masks.ts'
import type { RankedAttack, RankedEntry } from './ranked-entry.ts'

/** What is known about entries beside their content, by location. */
export interface EntryStanding {
  /** A sample of these was run again. */
  readonly checked: ReadonlySet<string>
  /** These lack reference attacks, and supplement another entry of their model. */
  readonly supplements: ReadonlySet<string>
}

/** An entry with its figures, before models are ranked. */
export type RatedEntry = Omit<RankedEntry, 'bestKnown' | 'rank' | 'peers' | 'comparison'>

/** The entries of one model, merged. */
export interface MergedModel {
  /** Examples robust to all attacks of the entries that count. */
  readonly mask: ExampleMask
  /** Supplements after all others. */
  readonly members: readonly RatedEntry[]
  readonly bestKnown: Proportion
  readonly columns: ReadonlyMap<string, Proportion>
  readonly reference?: Proportion
  readonly passes: number
}

/**
 * Merges entries of one model: an example is robust if it is in each of them. As soon as one that
 * is no supplement is checked, self-reported ones do not count: a claim must not lower a figure
 * with evidence. Supplements are never first, and count in no column.
 * @param entries at least one that is no supplement
 * @param columns plugins of the columns
 */
export function mergeModel(
  entries: readonly LeaderboardEntry[],
  columns: readonly string[],
  standing: EntryStanding,
): MergedModel {
  const rated = entries
    .map((entry) => rateEntry(entry, standing.checked))
    .toSorted(
      (a, b) =>
        Number(b.evidence === 'checked') - Number(a.evidence === 'checked') ||
        // No date: its submitter writes it. A changed copy that leads says that it broke less.
        b.worstCase.count - a.worstCase.count ||
        compareText(a.location, b.location),
    )
  const isSupplement = ({ location }: RatedEntry): boolean => standing.supplements.has(location)
  const whole = rated.filter((member) => !isSupplement(member))
  const first = whole[0]!
  const members = [
    ...whole,
    ...rated.filter(isSupplement).map((member) => ({ ...member, supplementTo: first.entry })),
  ]
  const { examples } = first.entry.dataset
  const isProven = first.evidence === 'checked'
  const counted = isProven ? members.filter(({ evidence }) => evidence === 'checked') : members
  const attacks = counted.flatMap(({ entry, supplementTo }: RatedEntry) =>
    entry.attacks.map((attack) => ({
      attack,
      mask: robustMask(attack),
      inColumn: supplementTo === undefined && isBuiltIn(attack),
    })),
  )
  const rate = (masks: readonly ExampleMask[]): Proportion | undefined => {
    const mask = intersection(masks)
    return mask && proportion(countMask(mask), examples)
  }
  const ofColumn = (plugin: string): ExampleMask[] =>
    attacks.flatMap(({ attack, mask, inColumn }) =>
      inColumn && attack.plugin === plugin ? [mask] : [],
    )
  const reference = rate(columns.flatMap(ofColumn))
  // Entries have at least one attack.
  const mask = intersection(attacks.map((one) => one.mask))!
  return {
    mask,
    members,
    bestKnown: proportion(countMask(mask), examples),
    columns: new Map(
      columns.flatMap((plugin) => {
        const rated = rate(ofColumn(plugin))
        return rated ? [[plugin, rated] as const] : []
      }),
    ),
    ...(reference && { reference }),
    passes: attacks.reduce(
      (sum, { attack }) => sum + attack.forwardPasses + attack.backwardPasses,
      0,
    ),
  }
}

function rateEntry(entry: LeaderboardEntry, checked: ReadonlySet<string>): RatedEntry {
  const { examples } = entry.dataset
  const corruptions = corruptionMatrices(entry.attacks.map(corruptionFinding))
  return {
    entry,
    location: entryLocation(entry),
    evidence: statusOf(entry, checked),
    clean: proportion(entry.clean.correct, examples),
    attacks: entry.attacks.filter((attack) => !isCorruption(attack)).map(rateAttack),
    ...(corruptions.length > 0 && { corruptions }),
    worstCase: proportion(entry.worstCase.robust, examples),
  }
}

/** Attacks of other packages are never columns. */
export function isBuiltIn(attack: EntryAttack): boolean {
  return attack.package === undefined
}

function statusOf(entry: LeaderboardEntry, checked: ReadonlySet<string>): EvidenceStatus {
  return checked.has(entryLocation(entry)) ? 'checked' : 'self-reported'
}

function corruptionFinding(attack: EntryAttack): CorruptionFinding {
  const { wrong, robust, broken, corrupted } = attack
  const total = wrong + robust + broken
  return {
    attack,
    seed: attack.seed,
    ...(corrupted !== undefined && { accuracy: proportion(corrupted, total) }),
  }
}

function rateAttack(attack: EntryAttack): RankedAttack {
  const { wrong, robust, broken } = attack
  return {
    attack,
    robust: proportion(robust, wrong + robust + broken),
    ...(robust + broken > 0 && { success: proportion(broken, robust + broken) }),
  }
}

/** Compares by code units, independent of the locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
