/** Tables of entries that may be compared, ranked by worst-case robust accuracy as far as the intervals tell. */
import { ConfigError } from '../core/base/errors.ts'
import { canonicalJson } from '../core/base/hash.ts'
import { overlaps } from '../core/bench/metrics/interval.ts'
import { corruptionMatrices, isCorruption } from '../reports/theme/corruptions.ts'
import type { CorruptionFinding, CorruptionMatrix } from '../reports/theme/corruptions.ts'
import { proportion } from '../reports/theme/proportion.ts'
import type { Proportion } from '../reports/theme/proportion.ts'
import { worstCaseLabel } from '../reports/theme/threat-text.ts'
import { entryLocation } from './entry.ts'
import type { EntryAttack, LeaderboardEntry } from './entry.ts'
import { threatSlug } from './threat-slug.ts'

/** One attack's figures on one entry. */
export interface RankedAttack {
  readonly attack: EntryAttack
  readonly robust: Proportion
  /** Broken of the initially correct; absent if none was. */
  readonly success?: Proportion
}

export interface RankedEntry {
  readonly entry: LeaderboardEntry
  /** `<dataset>/<threat>/<id>`: file below the entries folder, page below the site's, both without extension. */
  readonly location: string
  readonly clean: Proportion
  /** In the order of the table's columns. */
  readonly attacks: readonly RankedAttack[]
  /** Absent if no corruption was run. */
  readonly corruptions?: readonly CorruptionMatrix[]
  readonly worstCase: Proportion
  /** Best and worst rank that the intervals leave open: 1 + those surely better, n − those surely worse. */
  readonly rank: { readonly best: number; readonly worst: number }
  /** Others whose worst-case interval overlaps this one's: not distinguishable from it. */
  readonly peers: readonly LeaderboardEntry[]
}

/** Entries on the same data, under the same threat model and the same attacks with the same options. */
export interface RankedTable {
  /** Unique among the tables, fit for a page's anchor. */
  readonly anchor: string
  readonly dataset: LeaderboardEntry['dataset']
  readonly threatModel: LeaderboardEntry['threatModel']
  /** What the worst case is called here. */
  readonly worstCaseLabel: string
  /** The columns: the attacks as the first entry has them, but for corruptions. */
  readonly attacks: readonly EntryAttack[]
  /** Corruptions that each entry met, each severity counted. */
  readonly corruptions: number
  /** By worst-case robust accuracy, then clean accuracy, then title. */
  readonly rows: readonly RankedEntry[]
}

/**
 * Sorts entries into tables and ranks them. A worst case over fewer or weaker attacks is no better defense, so
 * entries that met other attacks stand in a table of their own.
 * @throws ConfigError ROBENCH_DATA if entries of one folder disagree on data or bounds
 */
export function rankTables(entries: readonly LeaderboardEntry[]): RankedTable[] {
  requireSameGround(entries)
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
    const benchmark = benchmarkKeyOfAll(group).replaceAll('/', '-')
    const nth = (seen.get(benchmark) ?? 0) + 1
    seen.set(benchmark, nth)
    return rankTable(group, nth === 1 ? benchmark : `${benchmark}-${nth}`)
  })
}

function rankTable(entries: readonly LeaderboardEntry[], anchor: string): RankedTable {
  // A group is made with its first entry, so there is one.
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

/** What makes two attacks the same: neither name nor seed. */
function protocolOf({ plugin, version, options }: EntryAttack): string {
  return canonicalJson([plugin, version, options])
}

/** Data set and threat model, as the folder of the entry. */
function benchmarkKey({ dataset, threatModel }: LeaderboardEntry): string {
  return `${dataset.id}/${threatSlug(threatModel)}`
}

function sortKey([first]: readonly LeaderboardEntry[]): string {
  if (!first) return ''
  const { dataset, threatModel } = first
  return `${dataset.id}/${threatModel.transform ? 'transform' : 'ball'}/${threatSlug(threatModel)}`
}

function benchmarkKeyOfAll([first]: readonly LeaderboardEntry[]): string {
  return first ? benchmarkKey(first) : ''
}

function requireSameGround(entries: readonly LeaderboardEntry[]): void {
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
        `${entryLocation(entry)}.json: ${name} is ${String(value)}, but ${String(expected[name])} in ` +
          `${entryLocation(other)}.json; entries of one folder must be measured on the same benchmark`,
      )
    }
  }
}

/** By code units: the same order on every machine. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
