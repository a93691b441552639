/** The summary of a result, with one section per data set and threat model. */
import {
  brokenByOnlyOne,
  countCorrect,
  countOutcomes,
  worstCaseOutcomes,
} from '../core/bench/metrics/accuracy.ts'
import { drawAccuracies } from '../core/bench/metrics/draws.ts'
import { worstCaseCurve } from '../core/bench/metrics/curve.ts'
import type { ErrorRecord } from '../core/base/errors.ts'
import type {
  AttackIdentity,
  AttackResult,
  CompletedAttack,
  DefenseIdentity,
  ResultEntry,
  RunResult,
} from '../core/bench/result/result.ts'
import type { ThreatModel } from '../core/threat/threat-model.ts'
import { canonicalJson } from '../core/base/hash.ts'
import { countOf } from './theme/figures.ts'
import { summarizeChecks } from './theme/checks.ts'
import type { ChecksSummary } from './theme/checks.ts'
import { corruptionMatrices, isCorruption } from './theme/corruptions.ts'
import type { CorruptionFinding, CorruptionMatrix } from './theme/corruptions.ts'
import { summarizeCurve } from './theme/curves.ts'
import type { CurveSummary } from './theme/curves.ts'
import { drawsNote } from './theme/draws.ts'
import type { DrawSummary } from './theme/draws.ts'
import { proportion } from './theme/proportion.ts'
import type { Proportion } from './theme/proportion.ts'
import { summarizeStages } from './stages.ts'
import type { StagesSummary } from './stages.ts'
import { worstCaseLabel } from './theme/threat-text.ts'

/** A completed attack on one defense. */
export interface CompletedSummary {
  readonly state: 'completed'
  readonly attack: AttackIdentity
  readonly seed: number
  /** Correct and not broken, out of all examples. */
  readonly robust: Proportion
  /** Broken, out of the initially correct examples; absent if there are none. */
  readonly success?: Proportion
  /** Examples broken by this attack only. */
  readonly brokenAlone: number
  /** Forward passes of the attack, divided by the number of all examples. */
  readonly forwardPerExample: number
  /** Backward passes, likewise. */
  readonly backwardPerExample: number
  /** Total time of the attack. */
  readonly elapsedMs: number
  /** Present if the attack has stages. */
  readonly stages?: StagesSummary
  /** Present with several epsilons, or for a minimum-norm attack. */
  readonly curve?: CurveSummary
  /** For a stochastic model. */
  readonly draws?: DrawSummary
  /** For a corruption: correct on the corrupted images, out of all examples. */
  readonly corrupted?: Proportion
}

/** An attack that failed on one defense. */
export interface FailedSummary {
  readonly state: 'failed'
  readonly attack: AttackIdentity
  readonly seed: number
  readonly error: ErrorRecord
}

/** An attack on one defense. */
export type AttackSummary = CompletedSummary | FailedSummary

/** One defense under one threat model. */
export interface EntrySummary {
  readonly defense: DefenseIdentity
  readonly clean: Proportion
  readonly attacks: readonly AttackSummary[]
  /** The attacks in the order of the section's `attackNames`; undefined where one was not run. */
  readonly columns: readonly (AttackSummary | undefined)[]
  /** Absent if no corruption was run. */
  readonly corruptions?: readonly CorruptionMatrix[]
  /** Over the completed attacks; absent if there are none. */
  readonly worstCase?: Proportion
  /** Over the completed attacks; absent unless two of them, one with a curve, completed. */
  readonly worstCaseCurve?: CurveSummary
  /** True if an attack failed, which makes the worst case an upper bound. */
  readonly incomplete: boolean
  readonly rankable: boolean
  readonly reasons: readonly string[]
  /** Absent if no checks were run. */
  readonly checks?: ChecksSummary
}

/** Comparable entries: the same data set and threat model. */
export interface SectionSummary {
  readonly dataset: ResultEntry['dataset']
  readonly threatModel: ThreatModel
  /** Column title of the worst case. */
  readonly worstCaseLabel: string
  /** Names of all attacks of the entries, except corruptions, in order of appearance. */
  readonly attackNames: readonly string[]
  /** True if any entry has corruptions. */
  readonly corrupted: boolean
  /** What several draws mean; absent if all models are deterministic. */
  readonly drawsNote?: string
  readonly entries: readonly EntrySummary[]
}

/** A failed attack on a defense, or a defense that could not be evaluated. */
export interface Failure {
  readonly defense: string
  /** The attack's name; absent if the defense itself failed. */
  readonly attack?: string
  readonly threatModel: ThreatModel
  readonly error: ErrorRecord
}

/** The summary of a run. */
export interface RunSummary {
  readonly sections: readonly SectionSummary[]
  /** Defenses first, then attacks. */
  readonly failures: readonly Failure[]
  /** `1 defense could not be evaluated, 1 of 4 attacks failed`; empty without failures. */
  readonly failureText: string
  /** The distinct data sets. */
  readonly datasets: readonly ResultEntry['dataset'][]
  /** Titles of the toy data sets. */
  readonly toyTitles: readonly string[]
  /** The distinct seeds of the attacks, ascending. */
  readonly seeds: readonly number[]
  /** Number of attacks, summed over all entries. */
  readonly attacks: number
  /** Wall-clock time of the run, in milliseconds. */
  readonly elapsedMs: number
  /** The command that reproduces the run. */
  readonly command: string
}

/**
 * Summarizes a result. All counts are recomputed from the per-example outcomes.
 * @throws ConfigError ROBENCH_DATA if the outcomes are malformed
 */
export function summarize(result: RunResult): RunSummary {
  const groups = new Map<string, ResultEntry[]>()
  for (const entry of result.entries) {
    const key = canonicalJson([entry.dataset.sha256, entry.dataset.examples, entry.threatModel])
    const group = groups.get(key)
    if (group) group.push(entry)
    else groups.set(key, [entry])
  }
  const sections = [...groups.values()].map(summarizeSection)
  const datasets = new Map(result.entries.map(({ dataset }) => [dataset.sha256, dataset]))
  const attacks = result.entries.flatMap((entry) => entry.attacks)
  const failures = [...(result.failures ?? []), ...result.entries.flatMap(failedAttacks)]
  return {
    sections,
    failures,
    failureText: describeFailures(failures, attacks.length),
    datasets: [...datasets.values()],
    toyTitles: [...datasets.values()].filter(({ toy }) => toy).map(({ title }) => title),
    seeds: [...new Set(attacks.map(({ seed }) => seed))].toSorted((a, b) => a - b),
    attacks: attacks.length,
    elapsedMs: Math.max(0, Date.parse(result.finishedAt) - Date.parse(result.startedAt)) || 0,
    command: result.command ?? suiteCommand(result),
  }
}

/** The completed attacks of an entry. */
export function completedAttacks(entry: ResultEntry): CompletedAttack[] {
  return entry.attacks.filter((attack) => attack.state === 'completed')
}

function summarizeSection(entries: readonly ResultEntry[]): SectionSummary {
  const attacks = entries.flatMap((entry) => entry.attacks.map(({ attack }) => attack))
  const ordinary = attacks.filter((attack) => !isCorruption(attack))
  const attackNames = [...new Set(ordinary.map(({ name }) => name))]
  const drawn = entries.flatMap(completedAttacks).some(({ draws }) => draws !== undefined)
  // Groups are never empty.
  const { dataset, threatModel } = entries[0] as ResultEntry
  return {
    dataset,
    threatModel,
    worstCaseLabel: worstCaseLabel(threatModel),
    attackNames,
    corrupted: ordinary.length < attacks.length,
    ...(drawn && { drawsNote }),
    entries: entries.map((entry) => summarizeEntry(entry, attackNames)),
  }
}

function summarizeEntry(entry: ResultEntry, attackNames: readonly string[]): EntrySummary {
  const completed = completedAttacks(entry)
  const outcomes = completed.map((attack) => attack.outcomes)
  const alone = new Map(brokenByOnlyOne(outcomes).map((count, i) => [completed[i], count]))
  const attacks = entry.attacks.map((attack) => summarizeAttack(attack, entry, alone))
  const worst = worstCaseOutcomes(outcomes)
  const curve =
    completed.length > 1 ? worstCaseCurve(completed, entry.threatModel.epsilon) : undefined
  const corruptions = corruptionMatrices(attacks.map(corruptionFinding))
  return {
    defense: entry.defense,
    clean: proportion(countCorrect(entry.cleanOutcomes), entry.cleanOutcomes.length),
    attacks,
    columns: attackNames.map((name) => attacks.find(({ attack }) => attack.name === name)),
    ...(corruptions.length > 0 && { corruptions }),
    ...(worst !== undefined && {
      worstCase: proportion(countOutcomes(worst).robust, worst.length),
    }),
    ...(curve && {
      worstCaseCurve: summarizeCurve(curve, entry.cleanAccuracy, entry.threatModel),
    }),
    incomplete: completed.length < attacks.length,
    rankable: entry.rankable,
    reasons: entry.reasons,
    ...(entry.checks && { checks: summarizeChecks(entry.checks) }),
  }
}

/** An attack as `corruptionMatrices` takes it. It may be any attack. */
function corruptionFinding(summary: AttackSummary): CorruptionFinding {
  const { attack, seed } = summary
  const accuracy = summary.state === 'completed' ? summary.corrupted : undefined
  return { attack, seed, ...(accuracy && { accuracy }) }
}

function summarizeAttack(
  result: AttackResult,
  { cleanAccuracy, threatModel }: ResultEntry,
  alone: ReadonlyMap<CompletedAttack | undefined, number>,
): AttackSummary {
  const { attack, seed } = result
  if (result.state === 'failed') return { state: 'failed', attack, seed, error: result.error }
  const { robust, broken, total } = countOutcomes(result.outcomes)
  const { curve, corrupted, draws, outcomes } = result
  const stages = summarizeStages(result)
  return {
    state: 'completed',
    attack,
    seed,
    robust: proportion(robust, total),
    ...(robust + broken > 0 && { success: proportion(broken, robust + broken) }),
    brokenAlone: alone.get(result) ?? 0,
    forwardPerExample: result.forwardPasses / total,
    backwardPerExample: result.backwardPasses / total,
    elapsedMs: result.elapsedMs,
    ...(stages && { stages }),
    ...(curve && { curve: summarizeCurve(curve, cleanAccuracy, threatModel) }),
    ...(draws && { draws: { count: draws.count, ...drawAccuracies(outcomes, draws) } }),
    ...(corrupted && { corrupted: proportion(countCorrect(corrupted.correct), total) }),
  }
}

function failedAttacks({ defense, threatModel, attacks }: ResultEntry): Failure[] {
  return attacks
    .filter((result) => result.state === 'failed')
    .map(({ attack, error }) => ({
      defense: defense.name,
      attack: attack.name,
      threatModel,
      error,
    }))
}

function describeFailures(failures: readonly Failure[], attacks: number): string {
  const failedAttacks = failures.filter(({ attack }) => attack !== undefined).length
  const defenses = failures.length - failedAttacks
  const parts = []
  if (defenses > 0) parts.push(`${countOf(defenses, 'defense')} could not be evaluated`)
  if (failedAttacks > 0) parts.push(`${failedAttacks} of ${countOf(attacks, 'attack')} failed`)
  return parts.join(', ')
}

/**
 * The command for a built-in suite, suites/<id>.json. Fewer examples than the data set has imply
 * `--limit`.
 */
function suiteCommand(result: RunResult): string {
  const limited = result.entries.find(({ dataset }) => dataset.examples < dataset.total)
  const limit = limited ? ` --limit ${limited.dataset.examples}` : ''
  return `npx robench run suites/${result.suite.id}.json${limit}`
}
