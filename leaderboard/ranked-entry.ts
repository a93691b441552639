/** An entry with its figures and the rank of its model. */
import type { CorruptionMatrix } from '../reports/theme/corruptions.ts'
import type { Proportion } from '../reports/theme/proportion.ts'
import type { EvidenceStatus } from './entry-check.ts'
import type { EntryAttack, LeaderboardEntry } from './entry-type.ts'

/** The result of one attack on one entry. */
export interface RankedAttack {
  readonly attack: EntryAttack
  readonly robust: Proportion
  /** Broken, out of the initially correct examples; absent if there are none. */
  readonly success?: Proportion
}

/** An entry, with its figures and the rank of its model. */
export interface RankedEntry {
  readonly entry: LeaderboardEntry
  /** `<dataset>/<threat>/<id>`: path of the entry's file and page, without extension. */
  readonly location: string
  readonly clean: Proportion
  /** All attacks of the entry, except corruptions. */
  readonly attacks: readonly RankedAttack[]
  /** Absent if no corruption was run. */
  readonly corruptions?: readonly CorruptionMatrix[]
  /** Robust to all attacks of the entry. */
  readonly worstCase: Proportion
  readonly evidence: EvidenceStatus
  /** The entry that this one supplements with further attacks; absent if it leads or may lead. */
  readonly supplementTo?: LeaderboardEntry
  /** Robust to all attacks of all entries of the model. */
  readonly bestKnown: Proportion
  /** First and last position of the models that share the rank. */
  readonly rank: { readonly best: number; readonly worst: number }
  /** The paired test behind the rank; absent for the first model. */
  readonly comparison?: RankComparison
  /** Models of the same rank, the nearest six at most. */
  readonly peers: readonly LeaderboardEntry[]
}

/** A model against the leader of its rank or, if it leads its own, of the rank above. */
export interface RankComparison {
  readonly leader: LeaderboardEntry
  /** Examples that only the leader, and that only the model classifies correctly. */
  readonly onlyLeader: number
  readonly onlyModel: number
  /** Of McNemar's exact test, adjusted by Holm's procedure. */
  readonly p: number
}
