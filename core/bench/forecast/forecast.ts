/** A stratified estimate of the passes of an attack on open examples, from completed ones. */
import { sumBy } from '../../base/sum.ts'
import type { PassEstimate } from '../../plugin/contract.ts'
import type { CompletedShard } from './completed-shards.ts'

/** An expected value and its variance. */
export interface Forecast {
  readonly mean: number
  readonly variance: number
}

/** Forecasts of both kinds of passes. */
export interface PassForecast {
  readonly forward: Forecast
  readonly backward: Forecast
}

/** Completed and open examples of an attack. */
export interface AttackProgress {
  /** Maximum passes per example: those of an example that stays robust. */
  readonly most: PassEstimate
  /** Completed shards; not empty. */
  readonly shards: readonly CompletedShard[]
  /** Examples that are still to be attacked; outcomes of some may be known from another run. */
  readonly open: readonly number[]
}

/**
 * Forecasts the passes of an attack on its open examples.
 *
 * An example that the model misclassifies costs nothing. A robust example costs `most`, and a
 * broken one the average of the broken ones so far. The shares of these outcomes are estimated
 * within strata: examples that a cheaper attack left robust, examples that it broke, and
 * misclassified examples (`stratumOf`). A cheap attack on all examples thus removes most sampling
 * variance from an expensive one, because nearly all examples that stay robust under the expensive
 * attack also stay robust under the cheap one.
 *
 * The variance has two parts: the shares come from a sample, and the open examples are another
 * sample. The cost of broken examples is assumed to have an exponential distribution.
 * @param stratumOf returns the same string for examples of the same stratum
 */
export function forecastPasses(
  { most, shards, open }: AttackProgress,
  stratumOf: (example: number) => string,
): PassForecast {
  const known = outcomesByExample(shards)
  const all = countOutcomes(shards.flatMap(({ outcomes }) => [...outcomes]))
  const seen = byStratum([...known.keys()], stratumOf)
  const counts = new Map(
    [...seen].map(([stratum, members]) => [
      stratum,
      countOutcomes(members.map((example) => known.get(example)!)),
    ]),
  )
  const repeated = countOutcomes(
    open.flatMap((example) => (known.has(example) ? [known.get(example)!] : [])),
  )
  const unknown = byStratum(
    open.filter((example) => !known.has(example)),
    stratumOf,
  )
  const estimate = (direction: 'forward' | 'backward'): Forecast => {
    const spent = sumBy(shards, (shard) => shard[`${direction}Passes`])
    const costs = costsOf(most[direction], spent, all)
    let mean = costs.robust * repeated.robust + costs.broken * repeated.broken
    let variance = 0
    for (const [stratum, { length }] of unknown) {
      const sample = counts.get(stratum) ?? all
      const each = expectedCost(costs, sample)
      mean += length * each.mean
      variance += length * each.variance * (1 + length / sample.total)
    }
    return { mean, variance }
  }
  return { forward: estimate('forward'), backward: estimate('backward') }
}

/** Outcomes by index of the example. Shards of other data are ignored. */
export function outcomesByExample(shards: readonly CompletedShard[]): Map<number, string> {
  const found = new Map<number, string>()
  for (const { start, outcomes } of shards) {
    if (start === undefined) continue
    for (const [index, outcome] of [...outcomes].entries()) found.set(start + index, outcome)
  }
  return found
}

function byStratum(
  examples: readonly number[],
  stratumOf: (example: number) => string,
): Map<string, number[]> {
  const strata = new Map<string, number[]>()
  for (const example of examples) {
    const stratum = stratumOf(example)
    const members = strata.get(stratum)
    if (members) members.push(example)
    else strata.set(stratum, [example])
  }
  return strata
}

/** Number of examples per outcome. */
interface Tally {
  readonly total: number
  readonly robust: number
  readonly broken: number
}

function countOutcomes(outcomes: readonly string[]): Tally {
  return {
    total: outcomes.length,
    robust: outcomes.filter((outcome) => outcome === 'r').length,
    broken: outcomes.filter((outcome) => outcome === 'b').length,
  }
}

interface Costs {
  readonly robust: number
  readonly broken: number
}

/**
 * Average costs of robust and broken examples. If `most` is only an upper bound, as for attacks
 * that stop early by themselves, both have the same cost.
 */
function costsOf(most: number, spent: number, { robust, broken }: Tally): Costs {
  const attacked = robust + broken
  if (attacked === 0) return { robust: most, broken: most }
  const spentOnBroken = spent - most * robust
  const average = spent / attacked
  if (spentOnBroken < 0) return { robust: average, broken: average }
  return { robust: most, broken: broken === 0 ? most : spentOnBroken / broken }
}

/** The cost of one example of a stratum. */
function expectedCost(costs: Costs, { total, robust, broken }: Tally): Forecast {
  const mean = (costs.robust * robust + costs.broken * broken) / total
  // The second moment of an exponential distribution is twice its squared mean.
  const square = (costs.robust ** 2 * robust + 2 * costs.broken ** 2 * broken) / total
  return { mean, variance: square - mean ** 2 }
}
