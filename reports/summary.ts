/** A run's result arranged for reading: one section per data set and threat model, every figure with its interval. */
import {
  brokenByOnlyOne,
  countCorrect,
  countOutcomes,
  worstCaseOutcomes,
} from '../core/metrics/accuracy.ts'
import { wilsonInterval } from '../core/metrics/interval.ts'
import type { Interval } from '../core/metrics/interval.ts'
import type { ErrorRecord } from '../core/errors.ts'
import type {
  AttackIdentity,
  AttackResult,
  CompletedAttack,
  DefenseIdentity,
  ResultEntry,
  RunResult,
} from '../core/run/result.ts'
import type { ThreatModel } from '../core/threat/threat-model.ts'
import { canonicalJson } from '../core/hash.ts'
import { countOf } from './figures.ts'

/** A counted fraction with its 95 % Wilson interval. */
export interface Proportion {
  readonly count: number
  readonly total: number
  /** `count / total`; 0 for a total of 0. */
  readonly fraction: number
  readonly interval: Interval
}

export interface CompletedSummary {
  readonly state: 'completed'
  readonly attack: AttackIdentity
  readonly seed: number
  /** Correct and not broken, of all examples. */
  readonly robust: Proportion
  /** Broken, of the initially correct; absent if none was. */
  readonly success?: Proportion
  /** Examples that no other attack broke. */
  readonly brokenAlone: number
  /** Passes and time of the whole attack, divided by all examples. */
  readonly forwardPerExample: number
  readonly backwardPerExample: number
  readonly elapsedMs: number
}

export interface FailedSummary {
  readonly state: 'failed'
  readonly attack: AttackIdentity
  readonly seed: number
  readonly error: ErrorRecord
}

export type AttackSummary = CompletedSummary | FailedSummary

export interface EntrySummary {
  readonly defense: DefenseIdentity
  readonly clean: Proportion
  readonly attacks: readonly AttackSummary[]
  /** Parallel to the section's `attackNames`; undefined where this entry was not attacked so. */
  readonly columns: readonly (AttackSummary | undefined)[]
  /** Over the attacks that completed; absent if none did. */
  readonly worstCase?: Proportion
  /** True if an attack failed: the worst case is then an upper bound. */
  readonly incomplete: boolean
  readonly rankable: boolean
  readonly reasons: readonly string[]
}

/** All entries that can be read side by side: same data, same threat model. */
export interface SectionSummary {
  readonly dataset: ResultEntry['dataset']
  readonly threatModel: ThreatModel
  /** Names of all attacks on any entry, in order of appearance. */
  readonly attackNames: readonly string[]
  readonly entries: readonly EntrySummary[]
}

/** What has no figure: an attack on a defense, or a defense that could not be evaluated at all. */
export interface Failure {
  readonly defense: string
  /** The attack's name; absent if the defense itself failed. */
  readonly attack?: string
  readonly threatModel: ThreatModel
  readonly error: ErrorRecord
}

export interface RunSummary {
  readonly sections: readonly SectionSummary[]
  /** Defenses first, then attacks. */
  readonly failures: readonly Failure[]
  /** `1 defense could not be evaluated, 1 of 4 attacks failed`; empty if nothing failed. */
  readonly failureText: string
  /** The data sets of all sections, each once. */
  readonly datasets: readonly ResultEntry['dataset'][]
  /** Titles of those data sets that are toys. */
  readonly toyTitles: readonly string[]
  /** All seeds of attacks, ascending. */
  readonly seeds: readonly number[]
  /** Attacks on all entries together. */
  readonly attacks: number
  /** From the first to the last moment of the run, in milliseconds. */
  readonly elapsedMs: number
  /** The command that makes these numbers again. */
  readonly command: string
}

/** Arranges a result. All figures are counted from the per-example outcomes anew. @throws ConfigError ROBENCH_DATA if those are damaged. */
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

/** A count out of a total with its interval. */
export function proportion(count: number, total: number): Proportion {
  return {
    count,
    total,
    fraction: total === 0 ? 0 : count / total,
    interval: wilsonInterval(count, total),
  }
}

/** The attacks of an entry that came to an end. */
export function completedAttacks(entry: ResultEntry): CompletedAttack[] {
  return entry.attacks.filter((attack) => attack.state === 'completed')
}

function summarizeSection(entries: readonly ResultEntry[]): SectionSummary {
  const attackNames = [
    ...new Set(entries.flatMap(({ attacks }) => attacks.map(({ attack }) => attack.name))),
  ]
  // A group is made with its first entry, so there is one.
  const { dataset, threatModel } = entries[0] as ResultEntry
  return {
    dataset,
    threatModel,
    attackNames,
    entries: entries.map((entry) => summarizeEntry(entry, attackNames)),
  }
}

function summarizeEntry(entry: ResultEntry, attackNames: readonly string[]): EntrySummary {
  const completed = completedAttacks(entry)
  const outcomes = completed.map((attack) => attack.outcomes)
  const alone = new Map(brokenByOnlyOne(outcomes).map((count, i) => [completed[i], count]))
  const attacks = entry.attacks.map((attack) => summarizeAttack(attack, alone))
  const worst = worstCaseOutcomes(outcomes)
  return {
    defense: entry.defense,
    clean: proportion(countCorrect(entry.cleanOutcomes), entry.cleanOutcomes.length),
    attacks,
    columns: attackNames.map((name) => attacks.find(({ attack }) => attack.name === name)),
    ...(worst !== undefined && {
      worstCase: proportion(countOutcomes(worst).robust, worst.length),
    }),
    incomplete: completed.length < attacks.length,
    rankable: entry.rankable,
    reasons: entry.reasons,
  }
}

function summarizeAttack(
  result: AttackResult,
  alone: ReadonlyMap<CompletedAttack | undefined, number>,
): AttackSummary {
  const { attack, seed } = result
  if (result.state === 'failed') return { state: 'failed', attack, seed, error: result.error }
  const { robust, broken, total } = countOutcomes(result.outcomes)
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

/** Built-in suites lie at suites/<id>.json. A result of fewer examples than there are was limited. */
function suiteCommand(result: RunResult): string {
  const limited = result.entries.find(({ dataset }) => dataset.examples < dataset.total)
  const limit = limited ? ` --limit ${limited.dataset.examples}` : ''
  return `npx robench run suites/${result.suite.id}.json${limit}`
}
