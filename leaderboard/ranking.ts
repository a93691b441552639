/** Tables of comparable entries, ranked by worst-case robust accuracy and its intervals. */
import { ConfigError } from '../core/base/errors.ts'
import { canonicalJson } from '../core/base/hash.ts'
import { overlaps } from '../core/bench/metrics/interval.ts'
import { corruptionMatrices, isCorruption } from '../reports/theme/corruptions.ts'
import type { CorruptionFinding, CorruptionMatrix } from '../reports/theme/corruptions.ts'
import { proportion } from '../reports/theme/proportion.ts'
import type { Proportion } from '../reports/theme/proportion.ts'
import { worstCaseLabel } from '../reports/theme/threat-text.ts'
import { benchmarkKey, entryLocation } from './entry.ts'
import type { EvidenceStatus } from './entry-check.ts'
import type { EntryAttack, LeaderboardEntry } from './entry-type.ts'
import { threatSlug } from '../core/threat/threat-slug.ts'

/** The result of one attack on one entry. */
export interface RankedAttack {
  readonly attack: EntryAttack
  readonly robust: Proportion
  /** Broken, out of the initially correct examples; absent if there are none. */
  readonly success?: Proportion
}

/** A row of a table. */
export interface RankedEntry {
  readonly entry: LeaderboardEntry
  /** `<dataset>/<threat>/<id>`: path of the entry's file and page, without extension. */
  readonly location: string
  readonly clean: Proportion
  /** In the order of the table's columns. */
  readonly attacks: readonly RankedAttack[]
  /** Absent if no corruption was run. */
  readonly corruptions?: readonly CorruptionMatrix[]
  readonly worstCase: Proportion
  /** Best and worst rank that the intervals allow: 1 + entries above, n − entries below. */
  readonly rank: { readonly best: number; readonly worst: number }
  readonly evidence: EvidenceStatus
  /** Other entries whose worst-case interval overlaps. */
  readonly peers: readonly LeaderboardEntry[]
}

/** Entries with the same data, threat model, attacks, and attack options. */
export interface RankedTable {
  /** HTML id, unique among the tables. */
  readonly anchor: string
  readonly dataset: LeaderboardEntry['dataset']
  readonly threatModel: LeaderboardEntry['threatModel']
  /** Column title of the worst case. */
  readonly worstCaseLabel: string
  /** The columns: the attacks of the first entry, except corruptions. */
  readonly attacks: readonly EntryAttack[]
  /** Number of corruptions per entry, counting each severity. */
  readonly corruptions: number
  /** By worst-case robust accuracy, then clean accuracy, then title. */
  readonly rows: readonly RankedEntry[]
}

/**
 * Groups entries into tables and ranks them. Entries with different attacks are in separate tables:
 * they are not comparable, since fewer or weaker attacks give a higher worst case.
 * @param checked locations of the entries of which a sample was run again
 * @throws ConfigError ROBENCH_DATA if entries with the same benchmark key differ in data, bounds,
 *   or transform
 */
export function rankTables(
  entries: readonly LeaderboardEntry[],
  checked: ReadonlySet<string> = new Set(),
): RankedTable[] {
  requireSameBenchmark(entries)
  const groups = new Map<string, LeaderboardEntry[]>()
  for (const entry of entries.toSorted((a, b) => compareText(entryLocation(a), entryLocation(b)))) {
    const key = `${benchmarkKey(entry)} ${canonicalJson(entry.attacks.map(protocolOf).toSorted())}`
    const group = groups.get(key)
    if (group) group.push(entry)
    else groups.set(key, [entry])
  }
  // Plain balls before transforms; larger tables first within the same data set and threat model.
  const sorted = [...groups.values()].toSorted(
    (a, b) => compareText(sortKey(a), sortKey(b)) || b.length - a.length,
  )
  const seen = new Map<string, number>()
  return sorted.map((group) => {
    // Groups are never empty.
    const benchmark = benchmarkKey(group[0] as LeaderboardEntry).replaceAll('/', '-')
    const nth = (seen.get(benchmark) ?? 0) + 1
    seen.set(benchmark, nth)
    return rankTable(group, nth === 1 ? benchmark : `${benchmark}-${nth}`, checked)
  })
}

function rankTable(
  entries: readonly LeaderboardEntry[],
  anchor: string,
  checked: ReadonlySet<string>,
): RankedTable {
  // Groups are never empty.
  const { dataset, threatModel, attacks } = entries[0] as LeaderboardEntry
  const order = attacks.map(protocolOf)
  const columns = attacks.filter((attack) => !isCorruption(attack))
  const rated = entries
    .map((entry) => {
      const { examples } = entry.dataset
      const corruptions = corruptionMatrices(entry.attacks.map(corruptionFinding))
      return {
        entry,
        location: entryLocation(entry),
        evidence: statusOf(entry, checked),
        clean: proportion(entry.clean.correct, examples),
        attacks: entry.attacks
          .filter((attack) => !isCorruption(attack))
          .toSorted((a, b) => order.indexOf(protocolOf(a)) - order.indexOf(protocolOf(b)))
          .map(rateAttack),
        ...(corruptions.length > 0 && { corruptions }),
        worstCase: proportion(entry.worstCase.robust, examples),
      }
    })
    .toSorted(
      (a, b) =>
        b.worstCase.fraction - a.worstCase.fraction ||
        b.clean.fraction - a.clean.fraction ||
        compareText(a.entry.title, b.entry.title),
    )
  const rows = rated.map((row): RankedEntry => {
    const { low, high } = row.worstCase.interval
    const better = rated.filter(({ worstCase }) => worstCase.interval.low > high).length
    const worse = rated.filter(({ worstCase }) => worstCase.interval.high < low).length
    const peers = rated.filter(
      (other) => other !== row && overlaps(other.worstCase.interval, row.worstCase.interval),
    )
    return {
      ...row,
      rank: { best: better + 1, worst: rated.length - worse },
      peers: peers.map(({ entry }) => entry),
    }
  })
  return {
    anchor,
    dataset,
    threatModel,
    worstCaseLabel: worstCaseLabel(threatModel),
    attacks: columns,
    corruptions: attacks.length - columns.length,
    rows,
  }
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

/** What identifies an attack: plugin, version, and options, but neither name nor seed. */
function protocolOf({ plugin, version, options }: EntryAttack): string {
  return canonicalJson([plugin, version, options])
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

/** Compares by code units, independent of the locale. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
