/** Merges the entries of one model, over all attacks of all of them. */
import { ConfigError } from '../core/base/errors.ts'
import { corruptionMatrices, isCorruption } from '../reports/theme/corruptions.ts'
import type { CorruptionFinding } from '../reports/theme/corruptions.ts'
import { proportion } from '../reports/theme/proportion.ts'
import type { Proportion } from '../reports/theme/proportion.ts'
import { entryLocation } from './entry.ts'
import type { EvidenceStatus } from './entry-check.ts'
import type { EntryAttack, LeaderboardEntry } from './entry-type.ts'
import {
  correctMask,
  countDiffering,
  countMask,
  intersection,
  robustMask,
} from './outcome-masks.ts'
import type { ExampleMask } from './outcome-masks.ts'
import type { RankedAttack, RankedEntry } from './ranked-entry.ts'

/** An entry with its figures, before models are ranked. */
export type RatedEntry = Omit<RankedEntry, 'bestKnown' | 'rank' | 'peers' | 'comparison'>

/** The entries of one model, merged. */
export interface MergedModel {
  /** Examples robust to all attacks of the entries that count. */
  readonly mask: ExampleMask
  readonly members: readonly RatedEntry[]
  readonly bestKnown: Proportion
  readonly columns: ReadonlyMap<string, Proportion>
  readonly reference?: Proportion
  readonly passes: number
}

/**
 * Merges entries of one model: an example is robust if it is in each of them. As soon as one of
 * them is checked, self-reported ones do not count: a claim must not lower a figure with evidence.
 * @param columns plugins of the columns
 * @param checked locations of the entries of which a sample was run again
 * @throws ConfigError ROBENCH_DATA if the entries differ without attack
 */
export function mergeModel(
  entries: readonly LeaderboardEntry[],
  columns: readonly string[],
  checked: ReadonlySet<string>,
): MergedModel {
  const members = entries
    .map((entry) => rateEntry(entry, checked))
    .toSorted(
      (a, b) =>
        Number(b.evidence === 'checked') - Number(a.evidence === 'checked') ||
        // The first to publish a model leads its row, not a later copy.
        compareText(a.entry.run.finishedAt, b.entry.run.finishedAt) ||
        compareText(a.location, b.location),
    )
  requireSameModel(members)
  const { examples } = entries[0]!.dataset
  const proven = members.filter(({ evidence }) => evidence === 'checked')
  const counted = proven.length > 0 ? proven : members
  const attacks = counted.flatMap(({ entry }) =>
    entry.attacks.map((attack) => ({ attack, mask: robustMask(attack) })),
  )
  const rate = (masks: readonly ExampleMask[]): Proportion | undefined => {
    const mask = intersection(masks)
    return mask && proportion(countMask(mask), examples)
  }
  const ofColumn = (plugin: string): ExampleMask[] =>
    attacks.flatMap(({ attack, mask }) =>
      isBuiltIn(attack) && attack.plugin === plugin ? [mask] : [],
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

/** Share of examples on which entries of one model may differ without attack: other devices. */
const tolerance = 0.01

/** Refuses entries of one file that are different classifiers, such as by their normalization. */
function requireSameModel(members: readonly RatedEntry[]): void {
  const [first, ...others] = members
  if (!first || others.length === 0) return
  const own = correctMask(first.entry)
  for (const other of others) {
    const { onlyA, onlyB } = countDiffering(own, correctMask(other.entry))
    if (onlyA + onlyB <= tolerance * first.entry.dataset.examples) continue
    throw new ConfigError(
      'ROBENCH_DATA',
      `${other.location}.json: has the model file of ${first.location}.json, but without attack ` +
        `${onlyA + onlyB} of ${first.entry.dataset.examples} examples have another outcome; one ` +
        'of them was run with other options, such as another normalization; remove it',
    )
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
