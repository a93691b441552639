/** The outcome of a unit, as its file contains it. */
import type { StageOutcomes } from '../../plugin/attack-stages.ts'
import type { DrawCounts } from '../../plugin/host.ts'
import type { Check } from '../checks/check.ts'

/** The result of a shard. Strings have one character per example of the shard. */
export interface ShardOutcome {
  /**
   * Clean predictions and checks: `1` correct, `0` wrong. Attacks: `w`, `r`, `b` as in `Outcomes`.
   */
  readonly outcomes: string
  readonly forwardPasses: number
  readonly backwardPasses: number
  /** For an attack with stages: the outcomes after each stage. */
  readonly stages?: readonly StageOutcomes[]
  /** For a unit of probes. */
  readonly checks?: readonly Check[]
  /**
   * For a curve or a minimum-norm attack, per example: 0 if misclassified without attack, null if
   * not broken.
   */
  readonly breakingEpsilons?: readonly (number | null)[]
  /** For a corruption: `1` if the corrupted example is classified correctly, else `0`. */
  readonly correct?: string
  /** For an attack on a stochastic model: the correct ones of several predictions. */
  readonly draws?: DrawCounts
  /**
   * For an attack: examples that count as robust although the attack queried a misclassified point
   * of their ball.
   */
  readonly silentSuccesses?: number
}

/** The result of a unit. */
export interface UnitOutcome extends ShardOutcome {
  readonly elapsedMs: number
}
