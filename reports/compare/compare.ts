/** Compares two results on the same examples: what changed, and whether there is evidence for it. */
import { canonicalJson } from '../../core/base/hash.ts'
import { ConfigError } from '../../core/base/errors.ts'
import { worstCaseOutcomes } from '../../core/bench/metrics/accuracy.ts'
import { holmAdjusted } from '../../core/bench/metrics/holm.ts'
import {
  countPairs,
  mcnemarExact,
  pairedDifference,
  tangoInterval,
} from '../../core/bench/metrics/paired.ts'
import type { DifferenceInterval, PairedCounts } from '../../core/bench/metrics/paired.ts'
import type { CompletedAttack, ResultEntry, RunResult } from '../../core/bench/result/result.ts'
import type { ThreatModel } from '../../core/threat/threat-model.ts'
import { completedAttacks } from '../summary.ts'
import { threatModelText } from '../theme/threat-text.ts'

/** Of a measurement, an entry, or the whole comparison. */
export type ComparisonVerdict = 'better' | 'worse' | 'no evidence'

/** One measurement in both results. A is the head, B is the base; success is a correct example. */
export interface ComparedMeasure {
  readonly kind: 'clean' | 'attack' | 'worst-case'
  readonly name: string
  /** Robust in both; `onlyA`: in the head only; `onlyB`: in the base only; in neither. */
  readonly counts: PairedCounts
  /** Accuracy of the base and of the head, and head − base. */
  readonly base: number
  readonly head: number
  readonly difference: number
  /** 95 % score interval of the difference. */
  readonly interval: DifferenceInterval
  /** Of McNemar's exact test. */
  readonly p: number
  /** For attacks, adjusted for all attacks of the entry by Holm's procedure; else `p`. */
  readonly adjusted: number
  readonly verdict: ComparisonVerdict
  /** Examples that are correct in the base and not in the head, ascending. */
  readonly newlyBroken: readonly number[]
  readonly newlyHeld: readonly number[]
}

/** One defense under one threat model in both results. */
export interface ComparedEntry {
  readonly defense: string
  /** Name in the head, if it has another. */
  readonly headDefense: string
  readonly dataset: ResultEntry['dataset']
  readonly threatModel: ThreatModel
  readonly models: { readonly base: string; readonly head: string }
  /** Clean first, then attacks in the order of the base, then the worst case. */
  readonly measures: readonly ComparedMeasure[]
  /** `worse` if any measure is, else `better` if any is. */
  readonly verdict: ComparisonVerdict
}

/** Two results, compared. */
export interface Comparison {
  readonly base: ComparedSide
  readonly head: ComparedSide
  readonly entries: readonly ComparedEntry[]
  readonly verdict: ComparisonVerdict
  /** What only one of the results has, and other versions, in sentences. */
  readonly notes: readonly string[]
}

/** One of the results. */
export interface ComparedSide {
  readonly suite: string
  readonly robenchVersion: string
  readonly finishedAt: string
}

/** Evidence is a p-value below this. */
export const significance = 0.05

/**
 * Compares two results. Entries are paired by the name of the defense and the threat model; a single
 * defense is paired with a single one of another name.
 * @throws ConfigError ROBENCH_CONFIG that names the differences if data, threat models, or versions
 * or options of attacks differ, or nothing can be compared
 */
export function compareResults(base: RunResult, head: RunResult): Comparison {
  const names = pairedNames(base, head)
  const notes: string[] = []
  const problems: string[] = []
  const entries: ComparedEntry[] = []
  for (const [baseName, headName] of names.pairs) {
    const own = base.entries.filter(({ defense }) => defense.name === baseName)
    const others = head.entries.filter(({ defense }) => defense.name === headName)
    problems.push(...threatProblems(own, others, baseName))
    for (const entry of own) {
      const other = others.find((one) => sameThreat(one, entry))
      if (!other) continue
      const found = entryProblems(entry, other)
      problems.push(...found)
      if (found.length === 0) entries.push(compareEntries(entry, other, notes))
    }
  }
  if (problems.length > 0) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `the results cannot be compared:\n${[...new Set(problems)].map((text) => `  ${text}`).join('\n')}`,
    )
  }
  if (entries.length === 0) {
    throw new ConfigError('ROBENCH_CONFIG', 'the results have no defense in common')
  }
  notes.push(...names.notes, ...versionNotes(base, head))
  return {
    base: sideOf(base),
    head: sideOf(head),
    entries,
    verdict: worstVerdict(entries.map(({ verdict }) => verdict)),
    notes: [...new Set(notes)],
  }
}

/** A measure that got worse by more than the margin, with evidence. @param margin in [0, 1] */
export function isRegression({ verdict, difference }: ComparedMeasure, margin: number): boolean {
  return verdict === 'worse' && -difference > margin
}

function sideOf({ suite, robenchVersion, finishedAt }: RunResult): ComparedSide {
  return { suite: suite.title, robenchVersion, finishedAt }
}

function pairedNames(
  base: RunResult,
  head: RunResult,
): { readonly pairs: readonly (readonly [string, string])[]; readonly notes: readonly string[] } {
  const namesOf = ({ entries }: RunResult): string[] => [
    ...new Set(entries.map(({ defense }) => defense.name)),
  ]
  const [own, others] = [namesOf(base), namesOf(head)]
  if (own.length === 1 && others.length === 1) {
    return { pairs: [[own[0]!, others[0]!]], notes: [] }
  }
  const only = (names: readonly string[], known: readonly string[], which: string): string[] =>
    names
      .filter((name) => !known.includes(name))
      .map((name) => `Defense "${name}" is only in the ${which}.`)
  return {
    pairs: own.filter((name) => others.includes(name)).map((name) => [name, name] as const),
    notes: [...only(own, others, 'base'), ...only(others, own, 'head')],
  }
}

function sameThreat(a: ResultEntry, b: ResultEntry): boolean {
  return canonicalJson(a.threatModel) === canonicalJson(b.threatModel)
}

function threatProblems(
  own: readonly ResultEntry[],
  others: readonly ResultEntry[],
  name: string,
): string[] {
  const missing = own.filter((entry) => !others.some((other) => sameThreat(entry, other)))
  const added = others.filter((entry) => !own.some((other) => sameThreat(entry, other)))
  const list = (entries: readonly ResultEntry[]): string =>
    entries.map(({ threatModel }) => threatModelText(threatModel)).join(', ') || 'no other'
  if (missing.length === 0 && added.length === 0) return []
  return [`threat models of "${name}": ${list(missing)} in the base, ${list(added)} in the head`]
}

function entryProblems(base: ResultEntry, head: ResultEntry): string[] {
  const [own, other] = [base.dataset, head.dataset]
  if (own.sha256 !== other.sha256) {
    return [
      `data: ${own.title} (sha256 ${own.sha256.slice(0, 12)}…) in the base, ` +
        `${other.title} (${other.sha256.slice(0, 12)}…) in the head`,
    ]
  }
  if (own.examples !== other.examples) {
    return [`data: ${own.examples} examples in the base, ${other.examples} in the head`]
  }
  return completedAttacks(base).flatMap((attack) => {
    const same = partner(attack, head)
    if (!same) return []
    const [a, b] = [attack.attack, same.attack]
    const what = `attack "${a.name}"`
    if (a.plugin !== b.plugin) return [`${what}: ${a.plugin} in the base, ${b.plugin} in the head`]
    if (a.version !== b.version) {
      return [`${what}: version ${a.version} of ${a.plugin} in the base, ${b.version} in the head`]
    }
    return canonicalJson(a.options) === canonicalJson(b.options)
      ? []
      : [`${what}: other options (${optionsThatDiffer(a.options, b.options)})`]
  })
}

function optionsThatDiffer(a: object, b: object): string {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...names]
    .filter((name) => {
      const [own, other]: unknown[] = [Reflect.get(a, name), Reflect.get(b, name)]
      return canonicalJson(own ?? null) !== canonicalJson(other ?? null)
    })
    .join(', ')
}

function partner({ attack, seed }: CompletedAttack, head: ResultEntry) {
  return completedAttacks(head).find(
    (other) => other.attack.name === attack.name && other.seed === seed,
  )
}

function versionNotes(base: RunResult, head: RunResult): string[] {
  const facts = [
    ['robench', base.robenchVersion, head.robenchVersion],
    ['onnxruntime', base.environment.onnxruntime, head.environment.onnxruntime],
    ['device', base.environment.device, head.environment.device],
  ] as const
  return facts
    .filter(([, own, other]) => own !== other)
    .map(([name, own, other]) => `${name}: ${own} in the base, ${other} in the head.`)
}

function compareEntries(base: ResultEntry, head: ResultEntry, notes: string[]): ComparedEntry {
  const pairs = completedAttacks(base).flatMap((attack) => {
    const other = partner(attack, head)
    if (other) return [[attack, other] as const]
    notes.push(`Attack "${nameOf(attack)}" completed only in the base.`)
    return []
  })
  for (const attack of completedAttacks(head)) {
    if (!partner(attack, base)) notes.push(`Attack "${nameOf(attack)}" completed only in the head.`)
  }
  const attacks = pairs.map(([own, other]) =>
    measure('attack', nameOf(own), marksOf(own.outcomes), marksOf(other.outcomes)),
  )
  const adjusted = holmAdjusted(attacks.map(({ p }) => p))
  const worst = (side: 0 | 1): readonly boolean[] =>
    marksOf(worstCaseOutcomes(pairs.map((pair) => pair[side].outcomes)) ?? '')
  const clean = measure('clean', 'clean', cleanMarks(base), cleanMarks(head))
  const measures = [
    clean,
    ...attacks.map((one, at) => judged({ ...one, adjusted: adjusted[at]! })),
    ...(pairs.length > 1 ? [measure('worst-case', 'worst case', worst(0), worst(1))] : []),
  ]
  return {
    defense: base.defense.name,
    headDefense: head.defense.name,
    dataset: base.dataset,
    threatModel: base.threatModel,
    models: { base: base.defense.model.sha256, head: head.defense.model.sha256 },
    measures,
    verdict: worstVerdict(measures.map(({ verdict }) => verdict)),
  }
}

function nameOf({ attack, seed }: CompletedAttack): string {
  return seed === 0 ? attack.name : `${attack.name}, seed ${seed}`
}

function cleanMarks({ cleanOutcomes }: ResultEntry): boolean[] {
  return Array.from(cleanOutcomes, (mark) => mark === '1')
}

function marksOf(outcomes: string): boolean[] {
  return Array.from(outcomes, (mark) => mark === 'r')
}

function measure(
  kind: ComparedMeasure['kind'],
  name: string,
  base: readonly boolean[],
  head: readonly boolean[],
): ComparedMeasure {
  const counts = countPairs(head, base)
  const places = (from: readonly boolean[], to: readonly boolean[]): number[] =>
    [...from.keys()].filter((at) => from[at] && !to[at])
  const p = mcnemarExact(counts)
  return judged({
    kind,
    name,
    counts,
    base: (counts.both + counts.onlyB) / base.length,
    head: (counts.both + counts.onlyA) / base.length,
    difference: pairedDifference(counts),
    interval: tangoInterval(counts),
    p,
    adjusted: p,
    newlyBroken: places(base, head),
    newlyHeld: places(head, base),
  })
}

function judged(one: Omit<ComparedMeasure, 'verdict'>): ComparedMeasure {
  const hasEvidence = one.adjusted < significance && one.difference !== 0
  return {
    ...one,
    verdict: hasEvidence ? (one.difference > 0 ? 'better' : 'worse') : 'no evidence',
  }
}

function worstVerdict(verdicts: readonly ComparisonVerdict[]): ComparisonVerdict {
  if (verdicts.includes('worse')) return 'worse'
  return verdicts.includes('better') ? 'better' : 'no evidence'
}
