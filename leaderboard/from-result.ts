/** From a run's result to a leaderboard entry: only what may be ranked. */
import { ConfigError } from '../core/base/errors.ts'
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

/** What a result does not know of itself. */
export interface EntryExtras {
  /** Name of the entry's file; the defense's name in lower case if left out. */
  readonly id?: string
  /** The defense's name if left out. */
  readonly title?: string
  readonly authors?: readonly string[]
  readonly paper?: string
  readonly code?: string
}

/**
 * The leaderboard entry of one of a result's entries, its counts taken from the per-example outcomes.
 * @throws ConfigError ROBENCH_CONFIG if it is not rankable, ROBENCH_DATA if an extra is not of the form wanted
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

/** The result's own reasons; where it has none, or claims to be rankable, what is plain to see. */
function refuseUnranked(entry: ResultEntry): void {
  const { defense, dataset, rankable, reasons } = entry
  const own = rankable ? [] : reasons
  const found = own.length > 0 ? own : rankingObstacles(entry)
  if (rankable && found.length === 0) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `entry "${defense.name}" on ${dataset.title} cannot be ranked: ` +
      `${found.join('; ') || 'its run says so without a reason'}; ` +
      'the leaderboard takes runs on all examples of real data in which every attack completed',
  )
}

/** A name as an id: lower case, everything but letters and digits as single hyphens. */
function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

function withoutUndefined<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}
