/** How many passes an attack will take on the rest of the examples, from those that it has attacked: a stratified estimate. */
import type { PassEstimate } from '../../plugin/contract.ts'
import type { MeasuredShard } from './measured.ts'

/** A number to be expected, with the variance of what may come instead. */
export interface Forecast {
  readonly mean: number
  readonly variance: number
}

export interface PassForecast {
  readonly forward: Forecast
  readonly backward: Forecast
}

/** Where an attack stands. */
export interface AttackProgress {
  /** What it takes on an example that is never fooled. */
  readonly most: PassEstimate
  /** What is known of it; not empty. */
  readonly shards: readonly MeasuredShard[]
  /** The examples that it has still to attack; some of them may be known from another run. */
  readonly open: readonly number[]
}

/**
 * The passes that an attack takes on its open examples.
 *
 * An example costs nothing if the model gets it wrong by itself, `most` if it stays robust, and if it is broken, what broken examples have
 * cost on average. How many come out which way is estimated within strata: examples that a cheaper attack has left robust, those that it has
 * broken, and those that were wrong (`stratumOf`). A cheap attack on all examples thus takes most of the chance out of a dear one on
 * a sample, for nearly all that the dear one leaves robust is among what the cheap one did.
 *
 * The variance has two parts: the shares are those of a sample, and the open examples are drawn anew. What broken examples cost is
 * taken to be spread as an exponential distribution is.
 * @param stratumOf the stratum of an example, the same string for the same stratum
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
    const spent = shards.reduce((sum, shard) => sum + shard[`${direction}Passes`], 0)
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

/** The outcomes of a cell by the example's place; of shards of other data, none. */
export function outcomesByExample(shards: readonly MeasuredShard[]): Map<number, string> {
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

/** How many examples came out which way. */
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

/** What robust and broken examples cost. Where `most` is only a bound, as of attacks that stop by themselves, both cost the same. */
function costsOf(most: number, spent: number, { robust, broken }: Tally): Costs {
  const attacked = robust + broken
  if (attacked === 0) return { robust: most, broken: most }
  const left = spent - most * robust
  const alike = spent / attacked
  if (left < 0) return { robust: alike, broken: alike }
  return { robust: most, broken: broken === 0 ? most : left / broken }
}

/** Of one example of a stratum. */
function expectedCost(costs: Costs, { total, robust, broken }: Tally): Forecast {
  const mean = (costs.robust * robust + costs.broken * broken) / total
  // The second moment of an exponential distribution is twice its squared mean.
  const square = (costs.robust ** 2 * robust + 2 * costs.broken ** 2 * broken) / total
  return { mean, variance: square - mean ** 2 }
}
