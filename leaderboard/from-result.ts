/** Converts a rankable entry of a result to a leaderboard entry. */
import { ConfigError } from '../core/base/errors.ts'
import { slugOf } from '../core/base/slug.ts'
import {
  brokenByOnlyOne,
  countCorrect,
  countOutcomes,
  worstCaseOutcomes,
} from '../core/bench/metrics/accuracy.ts'
import { rankingObstacles } from '../core/bench/result/rankable.ts'
import type { ResultEntry, RunResult } from '../core/bench/result/result.ts'
import { completedAttacks, summarize } from '../reports/summary.ts'
import { safeUrl } from '../reports/theme/templates.ts'
import { checkEntry } from './entry.ts'
import type { LeaderboardEntry } from './entry.ts'

/** Data of a leaderboard entry that a result does not contain. */
export interface EntryExtras {
  /** Id and file name of the entry. Default: the name of the defense as a slug. */
  readonly id?: string
  /** Default: the name of the defense. */
  readonly title?: string
  readonly authors?: readonly string[]
  readonly paper?: string
  readonly code?: string
}

/**
 * The leaderboard entry of one entry of a result. Its counts are computed from the per-example
 * outcomes.
 * @throws ConfigError ROBENCH_CONFIG if the entry is not rankable, ROBENCH_DATA if an extra is
 *   invalid
 */
export function entryFromResult(
  result: RunResult,
  entry: ResultEntry,
  extras: EntryExtras = {},
): LeaderboardEntry {
  refuseUnranked(entry)
  const { name, plugin, version, options, model, training, link } = entry.defense
  const { id, title, sha256, examples } = entry.dataset
  const attacks = completedAttacks(entry)
  const outcomes = attacks.map((attack) => attack.outcomes)
  const alone = brokenByOnlyOne(outcomes)
  const more = link !== undefined && /^https?:/i.test(safeUrl(link)) ? safeUrl(link) : undefined
  const { robenchVersion, suite, finishedAt, environment } = result
  return checkEntry(
    {
      schemaVersion: 1,
      id: extras.id ?? slugOf(name),
      title: extras.title ?? name,
      authors: extras.authors ?? [],
      dataset: { id, title, sha256, examples },
      threatModel: entry.threatModel,
      defense: { plugin, version, options },
      model: { sha256: model.sha256, bytes: model.bytes, parameters: model.parameters },
      clean: { correct: countCorrect(entry.cleanOutcomes) },
      attacks: attacks.map((result, index) => {
        const { attack, seed, forwardPasses, backwardPasses, elapsedMs, corrupted } = result
        const { wrong, robust, broken } = countOutcomes(outcomes[index] ?? '')
        const counts = { wrong, robust, broken, brokenAlone: alone[index] ?? 0 }
        const { name, plugin, version, options } = attack
        const cost = { forwardPasses, backwardPasses, elapsedMs }
        return {
          name,
          plugin,
          version,
          options,
          seed,
          ...counts,
          ...cost,
          ...(corrupted && { corrupted: countCorrect(corrupted.correct) }),
        }
      }),
      worstCase: { robust: countOutcomes(worstCaseOutcomes(outcomes) ?? '').robust },
      links: withoutUndefined({ paper: extras.paper, code: extras.code, more }),
      run: {
        robenchVersion,
        suite: { id: suite.id, title: suite.title, sha256: suite.sha256 },
        finishedAt,
        command: summarize(result).command,
        environment,
      },
      ...(training && { training }),
    },
    `entry "${name}"`,
  )
}

/** Throws if the result says that the entry is not rankable, or if its data and attacks do. */
function refuseUnranked(entry: ResultEntry): void {
  const { defense, dataset, rankable, reasons } = entry
  const own = rankable ? [] : reasons
  const found = own.length > 0 ? own : rankingObstacles(entry)
  if (rankable && found.length === 0) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `entry "${defense.name}" on ${dataset.title} cannot be ranked: ` +
      `${found.join('; ') || 'the result gives no reason'}; ` +
      'the leaderboard requires all examples of a real data set and that every attack completed',
  )
}

function withoutUndefined<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}
