/** What a plan may be expected to take, from what is known of its cells or from a guess of what they will find. */
import { sumOf } from '../metrics/figures.ts'
import { ConfigError, didYouMean } from '../../base/errors.ts'
import type { PassEstimate } from '../../plugin/contract.ts'
import { forecastPasses, outcomesByExample } from './forecast.ts'
import type { PassForecast } from './forecast.ts'
import { measuredKey, measuredResult } from './measured.ts'
import type { MeasuredCell, MeasuredShard, Measurements } from './measured.ts'
import type { CellSummary, PlanSummary } from './plan-summary.ts'
import type { RunResult } from '../result/result.ts'
import { passWeight } from './work-left.ts'

/** Robust accuracy in [0, 1] by the name of a defense; `*` for all others. */
export type AssumedRobustAccuracies = Readonly<Record<string, number>>

/** Passes and time for the units of a plan that are not done. */
export interface ExpectedWork {
  readonly passes: PassEstimate
  /** Half the width of a 95 % interval; absent if a cell rests on an assumption or a bound. */
  readonly margin?: PassEstimate
  /** Absent while models have still to be made. */
  readonly etaMs?: number
}

/** What a forecast rests on; what was measured comes first. */
export interface Expectations {
  /** Of the plan's own units. */
  readonly finished?: Measurements
  /** A run of the same suite, or one like it: on fewer examples, say. */
  readonly like?: RunResult
  readonly robustAccuracies?: AssumedRobustAccuracies
}

/**
 * The passes that the open units of a plan may be expected to take.
 *
 * Where some units of an attack are finished, here or in an earlier run, they tell of the others (`forecastPasses`): the better, the more
 * examples they are, and the more is known of these from a cheaper attack that has seen them all.
 *
 * Else an assumed share of examples stays robust. They take what an example takes that is never fooled; an example that is fooled
 * leaves its attack early, and is left out here, which is why strong attacks on undefended models come out at nothing. The more an attack
 * costs, the closer this is: most of what is fooled is fooled in its first steps.
 *
 * Else the plan's own upper bound counts.
 * @throws ConfigError for the name of a defense that the plan does not have, or a run that has no attack of the plan
 */
export function expectedWork(
  plan: PlanSummary,
  { robustAccuracies = {}, like, finished = new Map() }: Expectations,
): ExpectedWork {
  checkNames(plan, robustAccuracies)
  const earlier: Measurements = like ? measuredResult(like, plan.dataset.sha256) : new Map()
  const known: Known = { plan, finished, earlier }
  if (like && !plan.cells.some((cell) => isAttack(cell) && earlierShards(cell, known).length > 0)) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `--like: the result of "${like.suite.id}" has no finished attack of this suite: expected one with the same defense, threat model and name of attack`,
    )
  }
  const passes = { forward: 0, backward: 0 }
  const margin = { forward: 0, backward: 0 }
  let measured = true
  let etaMs = 0
  for (const cell of plan.cells.filter(({ examples }) => examples > 0)) {
    const forecast = isAttack(cell) ? forecastCell(cell, known) : undefined
    const assumed = isAttack(cell) ? assumedShare(cell, robustAccuracies) : 1
    const expected = forecast
      ? { forward: forecast.forward.mean, backward: forecast.backward.mean }
      : { forward: assumed * cell.passes.forward, backward: assumed * cell.passes.backward }
    measured &&= forecast !== undefined || !isAttack(cell)
    for (const direction of ['forward', 'backward'] as const) {
      passes[direction] += expected[direction]
      // The attacks of a suite look at the same examples: what is off for one is off for all.
      margin[direction] += 1.96 * Math.sqrt(forecast?.[direction].variance ?? 0)
    }
    etaMs += timeOf(cell, expected, finished)
  }
  return {
    passes: rounded(passes),
    ...(measured ? { margin: rounded(margin) } : {}),
    ...(plan.etaMs === undefined ? {} : { etaMs: Math.round(etaMs / plan.workers) }),
  }
}

/** True if finished units tell of every attack that is not done. */
export function isForeseeable({ cells }: PlanSummary, finished: Measurements): boolean {
  const open = cells.filter((cell) => isAttack(cell) && cell.examples > 0)
  return open.length > 0 && open.every((cell) => finished.has(measuredKey(cell)))
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
      `--robust-accuracy ${name}: the suite has no such defense${didYouMean(name, names)} (it has: ${names.join(', ')})`,
    )
  }
}

function assumedShare({ defense }: CellSummary, assumed: AssumedRobustAccuracies): number {
  return assumed[defense] ?? assumed['*'] ?? 1
}

/** A plan, what is finished of it, and an earlier run. */
interface Known {
  readonly plan: PlanSummary
  readonly finished: Measurements
  readonly earlier: Measurements
}

function forecastCell(cell: CellSummary, known: Known): PassForecast | undefined {
  const shards = shardsOf(cell, known)
  if (shards.length === 0) return undefined
  const done = outcomesByExample(known.finished.get(measuredKey(cell)) ?? [])
  const open = range(known.plan.dataset.examples).filter((example) => !done.has(example))
  const { forward, backward } = cell.passes
  const most = { forward: forward / cell.examples, backward: backward / cell.examples }
  const strata = strataFor(cell, known)
  return forecastPasses({ most, shards, open }, (example) => strata?.get(example) ?? '')
}

/** The outcomes by which examples are told apart: those of the attack on all examples that leaves the fewest robust, or clean predictions. */
function strataFor(cell: CellSummary, known: Known): ReadonlyMap<number, string> | undefined {
  const own = measuredKey(cell)
  const isWhole = (outcomes: ReadonlyMap<number, string>): boolean =>
    outcomes.size >= known.plan.dataset.examples
  const cleanOf = ({ defense, threatModel }: CellSummary): MeasuredCell => ({
    defense,
    threatModel,
    attack: null,
    seed: null,
  })
  const row = measuredKey(cleanOf(cell))
  const attacks = known.plan.cells
    .filter((other) => isAttack(other) && measuredKey(other) !== own)
    .filter((other) => measuredKey(cleanOf(other)) === row)
    .map((other) => outcomesByExample(shardsOf(other, known)))
    .filter(isWhole)
    .toSorted((a, b) => robustCount(a) - robustCount(b))
  const clean = outcomesByExample(shardsOf(cleanOf(cell), known))
  return attacks[0] ?? (isWhole(clean) ? clean : undefined)
}

/** All that is known of a cell; what is finished last, for it is of this very model. */
function shardsOf(cell: MeasuredCell, known: Known): readonly MeasuredShard[] {
  return [...earlierShards(cell, known), ...(known.finished.get(measuredKey(cell)) ?? [])]
}

/** Of the earlier run, with the same seed if it has it. */
function earlierShards(cell: MeasuredCell, { earlier }: Known): readonly MeasuredShard[] {
  return earlier.get(measuredKey(cell)) ?? earlier.get(measuredKey({ ...cell, seed: null })) ?? []
}

function robustCount(outcomes: ReadonlyMap<number, string>): number {
  return [...outcomes.values()].filter((outcome) => outcome === 'r').length
}

/** On one worker: by the clock of the cell's finished units, else by timed passes. */
function timeOf(cell: CellSummary, expected: PassEstimate, finished: Measurements): number {
  const shards = isAttack(cell) ? (finished.get(measuredKey(cell)) ?? []) : []
  const spent = {
    forward: sumOf(shards, ({ forwardPasses }) => forwardPasses),
    backward: sumOf(shards, ({ backwardPasses }) => backwardPasses),
  }
  const elapsedMs = sumOf(shards, (shard) => shard.elapsedMs ?? 0)
  if (elapsedMs > 0 && passWeight(spent) > 0)
    return (elapsedMs * passWeight(expected)) / passWeight(spent)
  const most = passWeight(cell.passes)
  return most === 0 ? 0 : ((cell.etaMs ?? 0) * passWeight(expected)) / most
}

function rounded({ forward, backward }: PassEstimate): PassEstimate {
  return { forward: Math.round(forward), backward: Math.round(backward) }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index)
}
