/** What a plan may be expected to take, from a guess of what it will find. */
import { ConfigError, didYouMean } from '../errors.ts'
import type { PassEstimate } from '../plugin/contract.ts'
import type { PlanSummary } from './plan-summary.ts'

/** Robust accuracy in [0, 1] by the name of a defense; `*` for all others. */
export type AssumedRobustAccuracies = Readonly<Record<string, number>>

/** Passes and time that a plan takes if its assumptions hold. */
export interface ExpectedWork {
  readonly passes: PassEstimate
  /** Absent while models have still to be made. */
  readonly etaMs?: number
}

/**
 * The passes of the examples that stay robust. They take what an example takes that is never fooled; an example that is fooled
 * leaves its attack early, and is left out here, which is why strong attacks on undefended models come out at nothing. The more an attack
 * costs, the closer this is: most of what is fooled is fooled in its first steps.
 * @throws ConfigError for the name of a defense that the plan does not have
 */
export function expectedWork(plan: PlanSummary, assumed: AssumedRobustAccuracies): ExpectedWork {
  const names = [...new Set(plan.cells.map(({ defense }) => defense))]
  for (const name of Object.keys(assumed)) {
    if (name === '*' || names.includes(name)) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `--robust-accuracy ${name}: the suite has no such defense${didYouMean(name, names)} (it has: ${names.join(', ')})`,
    )
  }
  let forward = 0
  let backward = 0
  let etaMs = 0
  for (const cell of plan.cells) {
    const share = cell.attack === null ? 1 : (assumed[cell.defense] ?? assumed['*'] ?? 1)
    forward += share * cell.passes.forward
    backward += share * cell.passes.backward
    etaMs += share * (cell.etaMs ?? 0)
  }
  return {
    passes: { forward: Math.round(forward), backward: Math.round(backward) },
    ...(plan.etaMs === undefined ? {} : { etaMs: Math.round(etaMs / plan.workers) }),
  }
}
