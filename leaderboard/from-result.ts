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
import type { CompletedAttack, ResultEntry, RunResult } from '../core/bench/result/result.ts'
import type { RobustnessCurve } from '../core/bench/metrics/curve.ts'
import { plainOptions } from '../reports/theme/figures.ts'
import { completedAttacks, summarize } from '../reports/summary.ts'
import { safeUrl } from '../reports/theme/templates.ts'
import { hashJson } from '../core/base/hash.ts'
import { checkEntry } from './entry.ts'
import { publicRules } from './known-datasets.ts'
import type { BoardRules } from './known-datasets.ts'
import { packOutcomes } from './packed-outcomes.ts'
import type { LeaderboardEntry } from './entry-type.ts'

/** Data of a leaderboard entry that a result does not contain. */
export interface EntryExtras {
  /** Id and file name of the entry. Default: the name of the defense as a slug. */
  readonly id?: string
  /** Default: the name of the defense. */
  readonly title?: string
  readonly authors?: readonly string[]
  readonly paper?: string
  readonly code?: string
  /** Where it was published. */
  readonly venue?: string
  readonly year?: number
  /** Default: the network of the training card. */
  readonly architecture?: string
  /** Further training data; absent if there is none. */
  readonly extraData?: string
  /** BibTeX. Line breaks become spaces. */
  readonly citation?: string
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
  rules: BoardRules = publicRules,
): LeaderboardEntry {
  refuseUnranked(result, entry)
  return checkEntry(draftEntry(result, entry, extras), `entry "${entry.defense.name}"`, rules)
}

/** The entry before it is checked. */
export function draftEntry(
  result: RunResult,
  entry: ResultEntry,
  extras: EntryExtras = {},
): unknown {
  const { name, plugin, version, options, model, training, link } = entry.defense
  const { id, title, sha256, examples } = entry.dataset
  const attacks = completedAttacks(entry)
  const outcomes = attacks.map((attack) => attack.outcomes)
  const alone = brokenByOnlyOne(outcomes)
  const more = link !== undefined && /^https?:/i.test(safeUrl(link)) ? safeUrl(link) : undefined
  const { robenchVersion, suite, finishedAt, environment } = result
  return {
    schemaVersion: 2,
    id: extras.id ?? slugOf(name),
    title: extras.title ?? name,
    authors: extras.authors ?? [],
    ...withoutUndefined({
      venue: extras.venue,
      year: extras.year,
      architecture: extras.architecture ?? networkOf(training),
      extraData: extras.extraData,
      citation: extras.citation?.replaceAll(/\s+/g, ' ').trim(),
    }),
    dataset: { id, title, sha256, examples },
    threatModel: entry.threatModel,
    defense: withoutUndefined({ name, plugin, version, options, package: entry.defense.package }),
    model: { sha256: model.sha256, bytes: model.bytes, parameters: model.parameters },
    clean: { correct: countCorrect(entry.cleanOutcomes) },
    attacks: attacks.map((result, index) => {
      const { attack, seed, forwardPasses, backwardPasses, elapsedMs, corrupted } = result
      const { curve, draws, silentSuccesses } = result
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
        outcomes: packOutcomes(marksOf(result)),
        ...withoutUndefined({
          package: attack.package,
          corrupted: corrupted && countCorrect(corrupted.correct),
          curve: curve && countsOf(curve),
          draws: draws?.count,
          silentSuccesses,
        }),
      }
    }),
    worstCase: withoutUndefined({
      robust: countOutcomes(worstCaseOutcomes(outcomes) ?? '').robust,
      curve: entry.worstCaseCurve && countsOf(entry.worstCaseCurve),
    }),
    checks: (entry.checks ?? []).map(({ id, verdict, value, threshold, evidence }) => ({
      id,
      verdict,
      value,
      threshold,
      evidence,
    })),
    evidence: withoutUndefined({
      result: hashJson(result),
      units: result.evidence?.units.sha256,
      adversarials: result.evidence?.adversarials,
    }),
    links: withoutUndefined({ paper: extras.paper, code: extras.code, more }),
    run: {
      robenchVersion,
      packages: result.packages,
      suite: { id: suite.id, title: suite.title, sha256: suite.sha256, content: suite.content },
      finishedAt,
      command: publicCommand(summarize(result).command),
      environment,
    },
    ...(training && { training }),
  }
}

/**
 * A command without what concerns the machine of the submitter: where output goes, and directories
 * of absolute paths.
 */
export function publicCommand(command: string): string {
  const word = String.raw`(?:'(?:[^']|'\\'')*'|[^\s'])+`
  return command
    .replaceAll(new RegExp(String.raw`\s--(?:results|log)[\s=]${word}`, 'g'), '')
    .replaceAll(/\s--(?:quiet|json|fresh)(?=\s|$)/g, '')
    .replaceAll(/(?<=')(?:\/|[A-Za-z]:\\)[^']*[/\\](?=[^'/\\]+')/g, '')
    .replaceAll(/(?<=[\s=])(?:\/|[A-Za-z]:\\)[^\s']*[/\\](?=[^\s'/\\])/g, '')
}

/** Throws if the result says that the entry is not rankable, or if its data and attacks do. */
function refuseUnranked({ suite, packages, evidence }: RunResult, entry: ResultEntry): void {
  const { defense, dataset, rankable, reasons } = entry
  if (!suite.content || !packages || !evidence) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `entry "${defense.name}": the result does not contain its suite, packages, and checksums; ` +
        'run the suite again with this version of robench',
    )
  }
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

/** Outcomes with `c` for an example that is correct only when corrupted. */
function marksOf({ outcomes, corrupted }: CompletedAttack): string {
  if (!corrupted) return outcomes
  return Array.from(outcomes, (mark, at) =>
    mark === 'w' && corrupted.correct[at] === '1' ? 'c' : mark,
  ).join('')
}

function countsOf({ epsilons, breakingEpsilons }: RobustnessCurve): {
  readonly epsilons: readonly number[]
  readonly robust: readonly number[]
} {
  const robustAt = (epsilon: number): number =>
    breakingEpsilons.filter((least) => least === null || least > epsilon).length
  return { epsilons, robust: epsilons.map(robustAt) }
}

/** The network of a training card as text: `resnet, width 16, blocks [1, 1, 1, 1]`. */
function networkOf(training: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const options: unknown = training?.['options'] ?? training
  const network: unknown = Reflect.get(Object(options) as object, 'network')
  if (typeof network === 'string') return network
  if (typeof network !== 'object' || network === null || !('id' in network)) return undefined
  const given: unknown = Reflect.get(network, 'options')
  const isEmpty = typeof given !== 'object' || given === null || Object.keys(given).length === 0
  return isEmpty ? String(network.id) : `${String(network.id)}, ${plainOptions(given)}`
}

function withoutUndefined<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}
