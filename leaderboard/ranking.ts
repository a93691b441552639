/** Tables of models on one benchmark, ranked by their best known robust accuracy. */
import { ConfigError } from '../core/base/errors.ts'
import { canonicalJson } from '../core/base/hash.ts'
import { isCorruption } from '../reports/theme/corruptions.ts'
import type { Proportion } from '../reports/theme/proportion.ts'
import { worstCaseLabel } from '../reports/theme/threat-text.ts'
import { benchmarkKey, entryLocation } from './entry.ts'
import type { EvidenceStatus } from './entry-check.ts'
import type { LeaderboardEntry } from './entry-type.ts'
import type { RankComparison, RankedEntry } from './ranked-entry.ts'
import { compareText, isBuiltIn, mergeModel } from './merge-models.ts'
import type { EntryStanding } from './merge-models.ts'
import { assignRanks } from './ranks.ts'
import { referencePlugins } from './reference-set.ts'
import { threatSlug } from '../core/threat/threat-slug.ts'

export type { RankComparison, RankedEntry }

/** A row of a table: one model. The fields of `RankedEntry` are those of its first entry. */
export interface RankedModel extends RankedEntry {
  /**
   * Entries of the model: supplements last, checked before self-reported, then the highest worst
   * case first.
   */
  readonly members: readonly RankedEntry[]
  /** Per attack of the table's columns, over all entries; undefined if it was not run. */
  readonly columns: readonly (Proportion | undefined)[]
  /** Robust to all attacks of the columns; absent if there are none. */
  readonly reference?: Proportion
  /** Forward and backward passes of all attacks of the entries that count. */
  readonly passes: number
  /** `checked` if an entry that is no supplement is: only checked ones count then. */
  readonly modelEvidence: EvidenceStatus
}

/** Models on the same data under the same threat model. */
export interface RankedTable {
  /** HTML id, unique among the tables. */
  readonly anchor: string
  readonly dataset: LeaderboardEntry['dataset']
  readonly threatModel: LeaderboardEntry['threatModel']
  /** Column title of the worst case. */
  readonly worstCaseLabel: string
  /** The columns: plugins of the reference set that any of the entries met. */
  readonly attacks: readonly string[]
  /** Largest number of corruptions of an entry, counting each severity. */
  readonly corruptions: number
  /** By best known, then reference, then clean accuracy, then title. */
  readonly rows: readonly RankedModel[]
}

/**
 * Groups entries by data and threat model, merges those of one model, and ranks the models.
 * @param entries that `auditEntries` accepts together: each supplement has an entry to supplement
 * @throws ConfigError ROBENCH_DATA if entries with the same benchmark key differ in data, bounds,
 *   or transform
 */
export function rankTables(
  entries: readonly LeaderboardEntry[],
  { checked = new Set(), supplements = new Set() }: Partial<EntryStanding> = {},
): RankedTable[] {
  requireSameBenchmark(entries)
  const sorted = entries.toSorted((a, b) => compareText(entryLocation(a), entryLocation(b)))
  return groupsOf(sorted, benchmarkKey)
    .toSorted((a, b) => compareText(sortKey(a), sortKey(b)))
    .map((group) => rankTable(group, { checked, supplements }))
}

function rankTable(entries: readonly LeaderboardEntry[], standing: EntryStanding): RankedTable {
  const whole = entries.filter((entry) => !standing.supplements.has(entryLocation(entry)))
  // Groups are never empty, and a supplement is never alone.
  const first = whole[0]!
  const { dataset, threatModel } = first
  const met = new Set(
    whole.flatMap(({ attacks }) => attacks.filter(isBuiltIn).map(({ plugin }) => plugin)),
  )
  const columns = referencePlugins(threatModel).filter((plugin) => met.has(plugin))
  const shown = columns.filter((plugin) => plugin !== 'corruption')
  const models = groupsOf(entries, ({ model }) => model.sha256)
    .map((members) => mergeModel(members, columns, standing))
    .toSorted(
      (a, b) =>
        b.bestKnown.count - a.bestKnown.count ||
        (b.reference?.count ?? 0) - (a.reference?.count ?? 0) ||
        b.members[0]!.clean.count - a.members[0]!.clean.count ||
        compareText(a.members[0]!.entry.title, b.members[0]!.entry.title),
    )
  const ranks = assignRanks(models.map(({ mask }) => mask))
  return {
    anchor: benchmarkKey(first).replaceAll('/', '-'),
    dataset,
    threatModel,
    worstCaseLabel: worstCaseLabel(threatModel),
    attacks: shown,
    corruptions: Math.max(...whole.map(({ attacks }) => attacks.filter(isCorruption).length)),
    rows: models.map((model, at): RankedModel => {
      const { best, worst, test } = ranks[at]!
      const shared = {
        bestKnown: model.bestKnown,
        rank: { best, worst },
        peers: nearest(at, best - 1, worst).map((place) => models[place]!.members[0]!.entry),
        ...(test && {
          comparison: {
            leader: models[test.leader]!.members[0]!.entry,
            onlyLeader: test.onlyLeader,
            onlyModel: test.onlyModel,
            p: test.p,
          },
        }),
      }
      const members = model.members.map((member): RankedEntry => ({ ...member, ...shared }))
      return {
        ...members[0]!,
        members,
        columns: shown.map((plugin) => model.columns.get(plugin)),
        ...(model.reference && { reference: model.reference }),
        passes: model.passes,
        modelEvidence: members[0]!.evidence,
      }
    }),
  }
}

/** Groups values by a key, in the order of their first values. */
function groupsOf<Value>(values: readonly Value[], keyOf: (value: Value) => string): Value[][] {
  const groups = new Map<string, Value[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group) group.push(value)
    else groups.set(key, [value])
  }
  return [...groups.values()]
}

/** Positions of the same rank, at most six, the nearest first. */
function nearest(own: number, start: number, end: number): number[] {
  const most = 6
  const near = []
  for (let at = Math.max(start, own - most); at < Math.min(end, own + most + 1); at++) {
    if (at !== own) near.push(at)
  }
  return near.toSorted((a, b) => Math.abs(a - own) - Math.abs(b - own)).slice(0, most)
}

/** Sorts the tables of a data set: plain balls before transforms. */
function sortKey([first]: readonly LeaderboardEntry[]): string {
  if (!first) return ''
  const { dataset, threatModel } = first
  return `${dataset.id}/${threatModel.transform ? 'transform' : 'ball'}/${threatSlug(threatModel)}`
}

function requireSameBenchmark(entries: readonly LeaderboardEntry[]): void {
  const first = new Map<string, LeaderboardEntry>()
  for (const entry of entries) {
    const benchmark = benchmarkKey(entry)
    const other = first.get(benchmark) ?? entry
    first.set(benchmark, other)
    const facts = ({ dataset, threatModel }: LeaderboardEntry): Record<string, unknown> => ({
      'dataset.sha256': dataset.sha256,
      'dataset.examples': dataset.examples,
      'threatModel.bounds': threatModel.bounds.join(' to '),
      'threatModel.transform': canonicalJson(threatModel.transform ?? 'none'),
    })
    const expected = facts(other)
    for (const [name, value] of Object.entries(facts(entry))) {
      if (value === expected[name]) continue
      throw new ConfigError(
        'ROBENCH_DATA',
        `${entryLocation(entry)}.json: ${name} is ${String(value)}, but ` +
          `${entryLocation(other)}.json has ${String(expected[name])}; entries in one directory ` +
          'must use the same data and threat model',
      )
    }
  }
}
