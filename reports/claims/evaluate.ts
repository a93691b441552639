/** Evaluates claims on results: finds the rows, compares them, and gives verdicts. */
import { canonicalJson } from '../../core/base/hash.ts'
import { count } from '../../core/base/figures.ts'
import {
  countPairs,
  mcnemarExact,
  pairedDifference,
  tangoInterval,
} from '../../core/bench/metrics/paired.ts'
import type { DifferenceInterval, PairedCounts } from '../../core/bench/metrics/paired.ts'
import type { AttackIdentity, RunResult } from '../../core/bench/result/result.ts'
import { proportion } from '../theme/proportion.ts'
import type { Proportion } from '../theme/proportion.ts'
import { threatModelText } from '../theme/threat-text.ts'
import { describeTests, matchesOptions, unmetTests } from './claim.ts'
import type { Claim, DefenseSelector } from './claim.ts'
import { joinByModel, joinRows } from './rows.ts'
import type { Row } from './rows.ts'
import { selectOutcomes } from './select-attacks.ts'
import type { ModelPair, PairOutcomes, SideOutcomes } from './select-attacks.ts'
import { verdictOf } from './verdict.ts'
import type { ClaimVerdict } from './verdict.ts'

/** One side of a comparison. */
export interface ComparedSide {
  /** Plugin of the defense. */
  readonly defense: string
  readonly options: Row['options']
  /** Name of the first training's row in its suite. */
  readonly name: string
  readonly attacks: readonly AttackIdentity[]
  /** Robust examples of each training, the first one first. */
  readonly robust: readonly Proportion[]
  /** Mean robust accuracy over the trainings. */
  readonly mean: number
  /** Ids of failed reliability checks of any training: its robust accuracy may be overstated. */
  readonly failedChecks: readonly string[]
}

/** Two rows under the attacks of a claim. Differences are higher side minus lower side. */
export interface ClaimComparison {
  readonly dataset: Row['dataset']
  readonly threatModel: Row['threatModel']
  readonly higher: ComparedSide
  readonly lower: ComparedSide
  /** Of the first training, as are `interval` and `pValue`; A is the higher side. */
  readonly pairs: PairedCounts
  readonly interval: DifferenceInterval
  readonly pValue: number
  /** Of each training, the first one first. */
  readonly differences: readonly number[]
  readonly meanDifference: number
  readonly verdict: ClaimVerdict
}

/** A claim with the comparisons that test it: one per setting and pair of rows. */
export interface EvaluatedClaim {
  readonly claim: Claim
  readonly comparisons: readonly ClaimComparison[]
  /** Without comparisons: why the claim is not tested, without a period. */
  readonly notTested?: string
}

/**
 * A reason against a pair of rows; the higher the rank, the nearer the rows are to a comparison.
 */
interface Obstacle {
  readonly rank: number
  readonly reason: string
}

/**
 * Evaluates each claim on the joined rows of all results.
 * @throws ConfigError ROBENCH_DATA if outcomes are malformed
 */
export function evaluateClaims(
  claims: readonly Claim[],
  results: readonly RunResult[],
): EvaluatedClaim[] {
  const rows = joinRows(results)
  return claims.map((claim) => evaluateClaim(claim, rows))
}

function evaluateClaim(claim: Claim, rows: readonly Row[]): EvaluatedClaim {
  const higher = rowsOf(claim.higher.defense, rows)
  const lower = rowsOf(claim.lower.defense, rows)
  const missing = [higher, lower].filter((found) => typeof found === 'string')
  if (typeof higher === 'string' || typeof lower === 'string') {
    return notTested(claim, [...new Set(missing)].join('; '))
  }
  const comparisons: ClaimComparison[] = []
  const obstacles: Obstacle[] = []
  for (const a of higher) {
    for (const b of claim.pairing === 'row' ? [a] : lower) {
      const found = compareRows(claim, a, b)
      if ('verdict' in found) comparisons.push(found)
      else obstacles.push(found)
    }
  }
  if (comparisons.length > 0) return { claim, comparisons }
  const [nearest] = obstacles.toSorted((a, b) => b.rank - a.rank)
  return notTested(claim, nearest!.reason)
}

function notTested(claim: Claim, reason: string): EvaluatedClaim {
  return { claim, comparisons: [], notTested: reason }
}

/** The rows of a defense, or why there are none. */
function rowsOf({ plugin, options }: DefenseSelector, rows: readonly Row[]): Row[] | string {
  if (plugin === 'base') return joinByModel(rows)
  const ofPlugin = rows.filter((row) => row.plugin === plugin)
  if (ofPlugin.length === 0) return `no result has a row of ${plugin}`
  const found = ofPlugin.filter((row) => matchesOptions(row.options, options))
  if (found.length > 0) return found
  const [nearest] = ofPlugin
    .map((row) => unmetTests(row.options, options))
    .toSorted((a, b) => Object.keys(a).length - Object.keys(b).length)
  return `no row of ${plugin} has ${describeTests(nearest)}`
}

function compareRows(claim: Claim, a: Row, b: Row): ClaimComparison | Obstacle {
  const obstacle = settingObstacle(claim, a, b) ?? pairingObstacle(claim, a, b)
  if (obstacle) return obstacle
  const pairs = modelPairs(claim, a, b)
  if (pairs.length === 0) {
    return {
      rank: 0,
      reason: `no result holds the model that ${claim.higher.defense.label} protects`,
    }
  }
  const found = pairs.map((pair) => selectOutcomes(claim, pair))
  const reasons = found.filter((each) => typeof each === 'string')
  const first = found.find((each) => typeof each !== 'string')
  if (!first) return { rank: 6, reason: reasons[0]! }
  // Further trainings count only under the same attacks.
  const equal = found.flatMap((each, i) =>
    typeof each !== 'string' && each.key === first.key ? [{ ...each, pair: pairs[i]! }] : [],
  )
  return comparisonOf({ a, b }, equal)
}

/** Data, examples, and threat model must be the same. */
function settingObstacle(
  { transform }: Claim,
  { dataset, threatModel }: Row,
  other: Row,
): Obstacle | undefined {
  const kind = threatModel.transform?.kind
  if (kind !== transform) {
    const wanted = transform === undefined ? 'no transform' : `a transform of kind "${transform}"`
    return { rank: 1, reason: `no result has a threat model with ${wanted}` }
  }
  if (dataset.id !== other.dataset.id || dataset.sha256 !== other.dataset.sha256) {
    return {
      rank: 2,
      reason: `the rows are on other data (${dataset.id} and ${other.dataset.id})`,
    }
  }
  if (canonicalJson(threatModel) !== canonicalJson(other.threatModel)) {
    const texts = `${threatModelText(threatModel)} and ${threatModelText(other.threatModel)}`
    return { rank: 3, reason: `the rows have other threat models (${texts})` }
  }
  if (dataset.examples !== other.dataset.examples) {
    const counts = `${count(dataset.examples)} and ${count(other.dataset.examples)}`
    return { rank: 4, reason: `the rows have other examples (${counts})` }
  }
  return undefined
}

function pairingObstacle({ pairing, varied = [] }: Claim, a: Row, b: Row): Obstacle | undefined {
  const names =
    pairing === 'network' ? ['network'] : pairing === 'options' ? optionNames(a, b, varied) : []
  const differing = names.filter(
    (name) => canonicalJson(a.options[name]) !== canonicalJson(b.options[name]),
  )
  if (differing.length > 0) {
    return { rank: 5, reason: `the rows differ in the option ${differing.join(', ')}` }
  }
  if (pairing === 'options' && a.version !== b.version) {
    return {
      rank: 5,
      reason: `the rows are of ${a.plugin} in versions ${a.version} and ${b.version}`,
    }
  }
  return undefined
}

function optionNames(a: Row, b: Row, varied: readonly string[]): string[] {
  const names = new Set([...Object.keys(a.options), ...Object.keys(b.options)])
  return [...names].filter((name) => !varied.includes(name)).toSorted()
}

/** Models of both rows, training by training, or each protected model with its base. */
function modelPairs({ pairing }: Claim, a: Row, b: Row): ModelPair[] {
  if (pairing !== 'base' && pairing !== 'transfer') {
    return a.models.slice(0, b.models.length).map((higher, i) => ({ higher, lower: b.models[i]! }))
  }
  return a.models.flatMap((higher) =>
    b.models
      .filter(({ sha256 }) => sha256 === baseHash(higher.training))
      .map((lower) => ({ higher, lower })),
  )
}

function baseHash(training: Readonly<Record<string, unknown>>): unknown {
  const base = training['base']
  return typeof base === 'object' && base !== null ? Reflect.get(base, 'sha256') : undefined
}

type NamedOutcomes = PairOutcomes & { readonly pair: ModelPair }

function comparisonOf(
  { a, b }: { readonly a: Row; readonly b: Row },
  trainings: readonly NamedOutcomes[],
): ClaimComparison {
  const pairs = trainings.map(({ higher, lower }) =>
    countPairs(robustFlags(higher), robustFlags(lower)),
  )
  const differences = pairs.map(pairedDifference)
  const [first] = pairs
  const interval = tangoInterval(first!)
  const pValue = mcnemarExact(first!)
  return {
    dataset: a.dataset,
    threatModel: a.threatModel,
    higher: sideOf(a, trainings, 'higher'),
    lower: sideOf(b, trainings, 'lower'),
    pairs: first!,
    interval,
    pValue,
    differences,
    meanDifference: meanOf(differences),
    verdict: verdictOf({ interval, pValue, differences }),
  }
}

function sideOf(
  row: Row,
  trainings: readonly NamedOutcomes[],
  side: 'higher' | 'lower',
): ComparedSide {
  const sides = trainings.map((training) => training[side])
  const models = trainings.map(({ pair }) => pair[side])
  const robust = sides.map((outcomes) => {
    const flags = robustFlags(outcomes)
    return proportion(flags.filter(Boolean).length, flags.length)
  })
  return {
    defense: row.plugin,
    options: row.options,
    name: models[0]!.name,
    attacks: sides[0]!.attacks,
    robust,
    mean: meanOf(robust.map(({ fraction }) => fraction)),
    failedChecks: [...new Set(models.flatMap(({ failedChecks }) => failedChecks))].toSorted(),
  }
}

function robustFlags({ outcomes }: SideOutcomes): boolean[] {
  return outcomes.split('').map((outcome) => outcome === 'r')
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
