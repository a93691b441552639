/** The stages of an attack arranged for reading: what was left after each, and what it broke. */
import { countOutcomes } from '../core/bench/metrics/accuracy.ts'
import type { CompletedAttack } from '../core/bench/result/result.ts'
import { proportion } from './theme/proportion.ts'
import type { Proportion } from './theme/proportion.ts'

export interface StageSummary {
  readonly name: string
  /** Correct and not broken when the stage was over, of all examples. */
  readonly robust: Proportion
  /** Examples that the stages before it had left. */
  readonly newlyBroken: number
}

export interface StagesSummary {
  readonly stages: readonly StageSummary[]
  /** Broken examples of which only the host's own prediction knew. */
  readonly foundByHost: number
}

/** Undefined if the attack has no stages. @throws ConfigError ROBENCH_DATA if the outcomes are damaged. */
export function summarizeStages({
  outcomes,
  stages = [],
}: CompletedAttack): StagesSummary | undefined {
  if (stages.length === 0) return undefined
  const { robust, broken, total } = countOutcomes(outcomes)
  let left = robust + broken
  const summaries = stages.map((stage): StageSummary => {
    const after = countOutcomes(stage.outcomes).robust
    const newlyBroken = left - after
    left = after
    return { name: stage.name, robust: proportion(after, total), newlyBroken }
  })
  return { stages: summaries, foundByHost: left - robust }
}
