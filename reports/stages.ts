/** The stages of an attack: robust accuracy after each stage, and the examples it broke. */
import { countOutcomes } from '../core/bench/metrics/accuracy.ts'
import type { CompletedAttack } from '../core/bench/result/result.ts'
import { proportion } from './theme/proportion.ts'
import type { Proportion } from './theme/proportion.ts'

/** One stage of an attack, such as `apgd-ce` of AutoAttack. */
export interface StageSummary {
  readonly name: string
  /** Correct and not broken after the stage, out of all examples. */
  readonly robust: Proportion
  /** Examples broken by this stage and no earlier one. */
  readonly newlyBroken: number
}

/** All stages of an attack, in order. */
export interface StagesSummary {
  readonly stages: readonly StageSummary[]
  /** Broken examples that no stage reported, found by robench's final prediction. */
  readonly foundByHost: number
}

/**
 * The stages of an attack; undefined if it has none.
 * @throws ConfigError ROBENCH_DATA if the outcomes are malformed
 */
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
