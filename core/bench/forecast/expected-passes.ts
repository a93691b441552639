/** Forecasts the cost of a plan from completed work, an earlier run, or assumed accuracies. */
import { sumBy } from '../../base/sum.ts'
import { ConfigError, didYouMean } from '../../base/errors.ts'
import type { PassEstimate } from '../../plugin/contract.ts'
import { forecastPasses, outcomesByExample } from './forecast.ts'
import type { PassForecast } from './forecast.ts'
import { namedCellKey, shardsOfResult } from './completed-shards.ts'
import type { NamedCell, CompletedShard, CompletedShards } from './completed-shards.ts'
import type { CellSummary, PlanSummary } from './plan-summary.ts'
import type { RunResult } from '../result/result.ts'
import { passWeight } from './pass-weight.ts'
import { scheduledCellsMs } from './time-left.ts'
import type { CellTime } from './time-left.ts'

/** Assumed robust accuracy in [0, 1] by name of a defense; `*` applies to all others. */
export type AssumedRobustAccuracies = Readonly<Record<string, number>>

/**
 * What a forecast rests on: completed units of the plan, an earlier result, robust accuracies that
 * were stated, a survey of the model, or nothing but the upper bound.
 */
export type ForecastBasis = 'completed' | 'earlier' | 'assumed' | 'survey' | 'bound'

/** Forecast of the passes and the time of the open units of a plan. */
export interface ExpectedWork {
  readonly passes: PassEstimate
  /** What the largest part of the time rests on. */
  readonly basis: ForecastBasis
  /** Half the width of a 95 % interval; absent if an assumption or a bound is involved. */
  readonly margin?: PassEstimate
  /** Absent until all models are trained. */
  readonly etaMs?: number
  /** Upper bound on the same clock as `etaMs`, which does not exceed it. */
  readonly mostMs?: number
}

/** The basis of a forecast. Completed work takes precedence over assumptions. */
export interface Expectations {
  /** Completed units of the plan itself. */
  readonly completed?: CompletedShards
  /** Result of the same suite or of a similar one, for example on fewer examples. */
  readonly like?: RunResult
  readonly robustAccuracies?: AssumedRobustAccuracies
}

/**
 * Forecasts the passes of the open units of a plan.
 *
 * If some units of an attack are completed, here or in an earlier run, they predict the others
 * (`forecastPasses`). The forecast improves with the number of these examples, and with a cheaper
 * attack that was run on all examples.
 *
 * Otherwise an assumed fraction of the examples stays robust, if one is given. Each of them
 * takes the maximum number of passes. Broken examples stop early and count as free, so the
 * forecast for strong attacks on undefended models is zero. It is more accurate for expensive
 * attacks, which break most examples in their first steps. Attacks on stochastic models do not
 * stop early, so the assumption does not lower their cost.
 *
 * Otherwise a survey of the model is used (`surveyedWork`), or else the plan's upper bound.
 * @throws ConfigError for a defense that the plan does not have, or for an earlier run that has no
 * attack of the plan
 */
export function expectedWork(
  plan: PlanSummary,
  { robustAccuracies = {}, like, completed = new Map() }: Expectations,
): ExpectedWork {
  checkNames(plan, robustAccuracies)
  if (like) requireSameSubject(like, plan)
  const earlier: CompletedShards = like ? shardsOfResult(like, plan.dataset.sha256) : new Map()
  const known: Known = { plan, completed, earlier, complete: new Map() }
  if (like && !plan.cells.some((cell) => isAttack(cell) && earlierShards(cell, known).length > 0)) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `--like: the result of "${like.suite.id}" has no completed attack of this suite; ` +
        'expected an attack with the same defense, threat model, and name',
    )
  }
  const passes = { forward: 0, backward: 0 }
  const margin = { forward: 0, backward: 0 }
  let isMeasured = true
  const bases: [ForecastBasis, number][] = []
  const expectedTimes: CellTime[] = []
  const longestTimes: CellTime[] = []
  const paces = pacesOf(plan, completed)
  for (const cell of plan.cells.filter(({ examples }) => examples > 0)) {
    const forecast = isAttack(cell) ? forecastCell(cell, known) : undefined
    const expected = forecast
      ? { forward: forecast.forward.mean, backward: forecast.backward.mean }
      : likelyWork(cell, robustAccuracies)
    isMeasured &&= forecast !== undefined || !isAttack(cell)
    for (const direction of ['forward', 'backward'] as const) {
      passes[direction] += expected[direction]
      // The attacks of a suite share their examples, so their errors are correlated: they add up.
      margin[direction] += 1.96 * Math.sqrt(forecast?.[direction].variance ?? 0)
    }
    const units = cell.units - cell.unitsDone
    if (isAttack(cell)) {
      const basis = forecast ? measuredBasis(cell) : likelyBasis(cell, robustAccuracies)
      bases.push([basis, passWeight(expected)])
    }
    const ms = timeOf(cell, expected, known, paces)
    const most = Math.max(ms, timeOf(cell, cell.passes, known, paces))
    expectedTimes.push({ kind: cell.kind, units, ms })
    longestTimes.push({ kind: cell.kind, units, ms: most })
  }
  const startMs = startTime(plan)
  const onWorkers = (times: readonly CellTime[]): number =>
    Math.round((plan.slowdown ?? 1) * (startMs + scheduledCellsMs(times, plan.workers)))
  return {
    passes: rounded(passes),
    basis: largestBasis(bases),
    ...(isMeasured ? { margin: rounded(margin) } : {}),
    ...(plan.etaMs !== undefined && {
      etaMs: onWorkers(expectedTimes),
      mostMs: Math.max(onWorkers(expectedTimes), onWorkers(longestTimes)),
    }),
  }
}

/**
 * @throws ConfigError if an earlier result is on other data, or has other models under the names of
 * the plan's defenses
 */
function requireSameSubject({ suite, entries }: RunResult, plan: PlanSummary): void {
  const { dataset, cells } = plan
  const where = `--like: the result of "${suite.id}"`
  if (entries.length > 0 && entries.every((entry) => entry.dataset.sha256 !== dataset.sha256)) {
    const titles = [...new Set(entries.map((entry) => entry.dataset.title))]
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where} is on other data (${titles.join(', ')}); expected a result on ${dataset.title}`,
    )
  }
  for (const { defense } of entries) {
    const planned = cells.find((cell) => cell.defense === defense.name && cell.model !== undefined)
    const earlier = defense.model.hash
    if (!planned || earlier === undefined || earlier === planned.model) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where} has another model for "${defense.name}", or reads its file in another way; ` +
        'expected a result of the same models',
    )
  }
}

function isAttack({ kind }: CellSummary): boolean {
  return kind === 'attack'
}

function checkNames(plan: PlanSummary, assumed: AssumedRobustAccuracies): void {
  const names = [...new Set(plan.cells.map(({ defense }) => defense))]
  for (const name of Object.keys(assumed)) {
    if (name === '*' || names.includes(name)) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `--robust-accuracy ${name}: unknown defense${didYouMean(name, names)} ` +
        `(the suite has: ${names.join(', ')})`,
    )
  }
}

/** The passes of a cell of which no unit is completed. */
function likelyWork(
  cell: CellSummary,
  assumed: AssumedRobustAccuracies,
): Pick<PassEstimate, 'forward' | 'backward'> {
  const { passes, surveyed, stochastic, defense } = cell
  const stated = isAttack(cell) ? (assumed[defense] ?? assumed['*']) : undefined
  if (stated === undefined) return surveyed?.passes ?? passes
  const share = stochastic ? 1 : stated
  return { forward: share * passes.forward, backward: share * passes.backward }
}

/** What the forecast of an attack rests on that was run, here or before. */
function measuredBasis({ unitsDone }: CellSummary): ForecastBasis {
  return unitsDone > 0 ? 'completed' : 'earlier'
}

/** What `likelyWork` rests on. */
function likelyBasis(cell: CellSummary, assumed: AssumedRobustAccuracies): ForecastBasis {
  if ((assumed[cell.defense] ?? assumed['*']) !== undefined) return 'assumed'
  return cell.surveyed ? 'survey' : 'bound'
}

/** The basis of most weighted passes; completed units if no attack is open. */
function largestBasis(bases: readonly (readonly [ForecastBasis, number])[]): ForecastBasis {
  const weights = new Map<ForecastBasis, number>()
  for (const [basis, weight] of bases) weights.set(basis, (weights.get(basis) ?? 0) + weight)
  const [first] = [...weights].toSorted(([, a], [, b]) => b - a)
  return first?.[0] ?? 'completed'
}

/** Time in which workers load the models that have open units: one after the other. */
function startTime({ cells }: PlanSummary): number {
  const open = cells.filter(({ examples }) => examples > 0)
  const byModel = new Map(open.map(({ model, startMs = 0 }) => [model, startMs]))
  return sumBy([...byModel.values()], (ms) => ms)
}

/** A plan, its completed shards, and those of an earlier run. */
interface Known {
  readonly plan: PlanSummary
  readonly completed: CompletedShards
  readonly earlier: CompletedShards
  /** Attacks that were run on all examples, by the key of their row; filled when first needed. */
  readonly complete: Map<string, readonly CompleteAttack[]>
}

/** An attack that was run on all examples. */
interface CompleteAttack {
  readonly key: string
  readonly outcomes: ReadonlyMap<number, string>
  readonly robust: number
}

function forecastCell(cell: CellSummary, known: Known): PassForecast | undefined {
  const shards = shardsOf(cell, known)
  if (shards.length === 0) return undefined
  const done = outcomesByExample(known.completed.get(namedCellKey(cell)) ?? [])
  const open = range(known.plan.dataset.examples).filter((example) => !done.has(example))
  const { forward, backward } = cell.passes
  const most = { forward: forward / cell.examples, backward: backward / cell.examples }
  const strata = strataFor(cell, known)
  return forecastPasses({ most, shards, open }, (example) => strata?.get(example) ?? '')
}

/**
 * The outcomes that define the strata: those of the strongest other attack that was run on all
 * examples, or else clean predictions.
 */
function strataFor(cell: CellSummary, known: Known): ReadonlyMap<number, string> | undefined {
  const own = namedCellKey(cell)
  const [first, second] = completeAttacks(cell, known)
  const strongest = first?.key === own ? second : first
  if (strongest) return strongest.outcomes
  const clean = outcomesByExample(shardsOf(cleanOf(cell), known))
  return clean.size >= known.plan.dataset.examples ? clean : undefined
}

/** The two strongest attacks of a cell's row that were run on all examples. */
function completeAttacks(cell: CellSummary, known: Known): readonly CompleteAttack[] {
  const row = namedCellKey(cleanOf(cell))
  if (known.complete.size === 0) fillComplete(known)
  return known.complete.get(row) ?? []
}

/** In one pass over the plan, so that a forecast takes linear time. */
function fillComplete(known: Known): void {
  const { plan, complete } = known
  for (const cell of plan.cells.filter(isAttack)) {
    const row = namedCellKey(cleanOf(cell))
    const outcomes = outcomesByExample(shardsOf(cell, known))
    const others = complete.get(row) ?? []
    const found = { key: namedCellKey(cell), outcomes, robust: robustCount(outcomes) }
    const all = outcomes.size >= plan.dataset.examples ? [...others, found] : others
    // The sort is stable: of equally strong attacks, the first of the plan.
    complete.set(row, all.toSorted((a, b) => a.robust - b.robust).slice(0, 2))
  }
}

function cleanOf({ defense, threatModel }: CellSummary): NamedCell {
  return { defense, threatModel, attack: null, seed: null }
}

/** Shards of a cell. Those of this plan come last and override an earlier run. */
function shardsOf(cell: NamedCell, known: Known): readonly CompletedShard[] {
  return [...earlierShards(cell, known), ...(known.completed.get(namedCellKey(cell)) ?? [])]
}

/** Shards of the earlier run, with the same seed if possible. */
function earlierShards(cell: NamedCell, { earlier }: Known): readonly CompletedShard[] {
  return earlier.get(namedCellKey(cell)) ?? earlier.get(namedCellKey({ ...cell, seed: null })) ?? []
}

function robustCount(outcomes: ReadonlyMap<number, string>): number {
  return [...outcomes.values()].filter((outcome) => outcome === 'r').length
}

/**
 * Time of a cell's work on one worker: from the elapsed time of its completed units, or else from
 * timed passes, corrected by the pace of its defense.
 */
function timeOf(
  cell: CellSummary,
  work: PassEstimate,
  { completed }: Known,
  paces: ReadonlyMap<string, Pace>,
): number {
  const spent = isAttack(cell) ? spentOn(completed.get(namedCellKey(cell)) ?? []) : undefined
  if (spent && spent.elapsedMs > 0 && spent.weight > 0)
    return (spent.elapsedMs * passWeight(work)) / spent.weight
  const pace = { measuredMs: cell.surveyed?.pace ?? 1, timedMs: 1 }
  const { measuredMs, timedMs } = paces.get(cell.defense) ?? pace
  return ((cell.etaMs ?? 0) * measuredMs * shareOf(cell, work)) / timedMs
}

/** Work as a multiple of the upper bound, verification included. */
function shareOf({ passes, verification }: CellSummary, work: PassEstimate): number {
  const most = passWeight(passes) + verification
  return most === 0 ? 0 : (passWeight(work) + verification) / most
}

/** Passes, weighted, and time of completed shards. */
function spentOn(shards: readonly CompletedShard[]): { weight: number; elapsedMs: number } {
  return {
    weight: sumBy(shards, ({ forwardPasses, backwardPasses }) =>
      passWeight({ forward: forwardPasses, backward: backwardPasses }),
    ),
    elapsedMs: sumBy(shards, (shard) => shard.elapsedMs ?? 0),
  }
}

/** Measured time of attacks, and the time that timed passes predict for the same work. */
interface Pace {
  measuredMs: number
  timedMs: number
}

/** The pace of each defense that has completed units of an attack with open ones. */
function pacesOf({ cells }: PlanSummary, completed: CompletedShards): Map<string, Pace> {
  const paces = new Map<string, Pace>()
  for (const cell of cells) {
    const most = passWeight(cell.passes)
    const { weight, elapsedMs } = spentOn(completed.get(namedCellKey(cell)) ?? [])
    if (!isAttack(cell) || most === 0 || weight === 0 || !cell.etaMs || elapsedMs === 0) continue
    const pace = paces.get(cell.defense) ?? { measuredMs: 0, timedMs: 0 }
    pace.measuredMs += elapsedMs
    pace.timedMs += (cell.etaMs * weight) / most
    paces.set(cell.defense, pace)
  }
  return paces
}

function rounded({ forward, backward }: PassEstimate): PassEstimate {
  return { forward: Math.round(forward), backward: Math.round(backward) }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index)
}
