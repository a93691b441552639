/** The type of a leaderboard entry. */
import type { FromSchema } from 'json-schema-to-ts'
import type { ThreatModel } from '../core/threat/threat-model.ts'
import type { entrySchema } from './entry-schema.ts'

/**
 * One defense on one data set under one threat model. Results are counts out of `dataset.examples`;
 * fractions and intervals are computed from them. Passes and times (in milliseconds) are totals per
 * attack.
 */
export type LeaderboardEntry = Omit<FromSchema<typeof entrySchema>, 'threatModel'> & {
  readonly threatModel: ThreatModel
}

/** One attack of an entry. */
export type EntryAttack = LeaderboardEntry['attacks'][number]
