/** What a plan may be expected to take, from a guess of what it will find. */
import { ConfigError, didYouMean } from '../errors.ts'
import type { PassEstimate } from '../plugin/contract.ts'
import { hashJson } from '../hash.ts'
import type { CellSummary, PlanSummary } from './plan-summary.ts'
import type { RunResult } from './result.ts'

/** Robust accuracy in [0, 1] by the name of a defense; `*` for all others. */
export type AssumedRobustAccuracies = Readonly<Record<string, number>>

/** Passes and time that a plan takes if its assumptions hold. */
export interface ExpectedWork {
  readonly passes: PassEstimate
  /** Absent while models have still to be made. */
  readonly etaMs?: number
}

/** What a forecast rests on; an earlier run comes first. */
export interface Expectations {
  readonly robustAccuracies?: AssumedRobustAccuracies
  /** Of the same suite, or one like it: on fewer examples, say. */
  readonly like?: RunResult
}

/**
 * The passes that a plan may be expected to take.
 *
 * Where a run like it is given, an attack takes as many passes an example as the attack of that name took there, on the defense of that name
 * under that threat model. How near that comes depends on how many examples were attacked there: it is a sample's mean.
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
  { robustAccuracies = {}, like }: Expectations,
): ExpectedWork {
  checkNames(plan, robustAccuracies)
  const measured = like ? measuredPasses(like) : new Map<string, PassEstimate>()
  if (like && !plan.cells.some((cell) => measured.has(keyOf(cell)))) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `--like: the result of "${like.suite.id}" has no finished attack of this suite: expected one with the same defense, threat model and name of attack`,
    )
  }
  let forward = 0
  let backward = 0
  let etaMs = 0
  for (const cell of plan.cells) {
    const { passes, examples, defense, attack } = cell
    const each = measured.get(keyOf(cell))
    const assumed = attack === null ? 1 : (robustAccuracies[defense] ?? robustAccuracies['*'] ?? 1)
    const expected = each
      ? { forward: each.forward * examples, backward: each.backward * examples }
      : { forward: assumed * passes.forward, backward: assumed * passes.backward }
    forward += expected.forward
    backward += expected.backward
    etaMs += shareOf(expected, passes) * (cell.etaMs ?? 0)
  }
  return {
    passes: { forward: Math.round(forward), backward: Math.round(backward) },
    ...(plan.etaMs === undefined ? {} : { etaMs: Math.round(etaMs / plan.workers) }),
  }
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

/** Passes an example of every finished attack. */
function measuredPasses({ entries }: RunResult): ReadonlyMap<string, PassEstimate> {
  const found = new Map<string, PassEstimate>()
  for (const { defense, threatModel, attacks, cleanOutcomes } of entries) {
    for (const result of attacks) {
      if (result.state !== 'completed') continue
      const attack = result.attack.name
      found.set(keyOf({ defense: defense.name, threatModel, attack }), {
        forward: result.forwardPasses / cleanOutcomes.length,
        backward: result.backwardPasses / cleanOutcomes.length,
      })
    }
  }
  return found
}

function keyOf({
  defense,
  threatModel,
  attack,
}: Pick<CellSummary, 'defense' | 'threatModel' | 'attack'>): string {
  return hashJson({ defense, threatModel, attack })
}

/** Of the time at most, by passes; a backward pass counts as two, which is about what it takes. */
function shareOf(expected: PassEstimate, most: PassEstimate): number {
  const weight = most.forward + 2 * most.backward
  return weight === 0 ? 0 : (expected.forward + 2 * expected.backward) / weight
}
