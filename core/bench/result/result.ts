/** What a finished run leaves behind: plain JSON, one record per cell, with every example's outcome. */
import type { Check } from '../checks/check.ts'
import type { ErrorRecord } from '../../base/errors.ts'
import type { ModelIdentity } from '../plan/model-row.ts'
import type { Outcomes } from '../metrics/accuracy.ts'
import type { RobustnessCurve } from '../metrics/curve.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { PluginOptions } from '../../plugin/contract.ts'

/** Which defense: plugin, its version, its options. */
export interface DefenseIdentity {
  /** The name that the suite gives it. */
  readonly name: string
  readonly plugin: string
  readonly version: number
  readonly options: PluginOptions
  readonly model: ModelIdentity
  /** From the defense or the model card: epochs, cost, how made. */
  readonly training?: Readonly<Record<string, unknown>>
  readonly link?: string
}

export interface AttackIdentity {
  /** The name that the suite gives it. */
  readonly name: string
  readonly plugin: string
  readonly version: number
  readonly options: PluginOptions
}

export interface CellCounts {
  readonly forwardPasses: number
  readonly backwardPasses: number
  readonly elapsedMs: number
}

/** Where an attack stood after one of its stages. */
export interface StageResult {
  readonly name: string
  readonly outcomes: Outcomes
  readonly robustAccuracy: number
}

export interface CompletedAttack extends CellCounts {
  readonly state: 'completed'
  readonly attack: AttackIdentity
  readonly seed: number
  readonly outcomes: Outcomes
  readonly robustAccuracy: number
  /** Of an attack that has stages, in their order. What only the host found broken is in no stage. */
  readonly stages?: readonly StageResult[]
  /** With a curve, or of a minimum-norm attack. */
  readonly curve?: RobustnessCurve
  /** Of a corruption: how the model does on the corrupted images, those among them that it got wrong before. */
  readonly corrupted?: { readonly correct: string; readonly accuracy: number }
  /**
   * Examples that count as robust although the attack asked about a misclassified point of their ball; absent where that cannot be told: with
   * a transform, or a model that draws random numbers.
   */
  readonly silentSuccesses?: number
}

export interface FailedAttack {
  readonly state: 'failed'
  readonly attack: AttackIdentity
  readonly seed: number
  readonly error: ErrorRecord
}

export type AttackResult = CompletedAttack | FailedAttack

/** One defense under one threat model on one data set: a row of the table. */
export interface ResultEntry {
  readonly defense: DefenseIdentity
  readonly dataset: {
    readonly id: string
    readonly title: string
    readonly sha256: string
    readonly toy: boolean
    readonly examples: number
    readonly total: number
  }
  readonly threatModel: ThreatModel
  /** Correct without attack, one character an example: `1` or `0`. */
  readonly cleanOutcomes: string
  readonly cleanAccuracy: number
  readonly attacks: readonly AttackResult[]
  /** Correct and broken by no completed attack, over all examples; absent if no attack completed. */
  readonly worstCaseRobustAccuracy?: number
  /** False with `--limit`, on toy data, or where an attack failed; `reasons` says why. */
  readonly rankable: boolean
  readonly reasons: readonly string[]
  /** Whether these numbers can be believed: what the probes and comparisons of core/checks found. */
  readonly checks?: readonly Check[]
}

/** A defense that could not be evaluated at all: its model could not be made, or its clean predictions failed. */
export interface DefenseFailure {
  readonly defense: string
  readonly threatModel: ThreatModel
  readonly error: ErrorRecord
}

/** The file `result.json` of a run. */
export interface RunResult {
  readonly schemaVersion: 1
  readonly suite: { readonly id: string; readonly title: string; readonly sha256: string }
  readonly robenchVersion: string
  readonly startedAt: string
  readonly finishedAt: string
  /** The command line that makes this result again, paths as the user gave them. */
  readonly command?: string
  readonly environment: {
    readonly node: string
    readonly onnxruntime: string
    readonly platform: string
    readonly cpu: string
    readonly device: string
    readonly workers: number
  }
  readonly entries: readonly ResultEntry[]
  /** Absent if every defense could be evaluated. */
  readonly failures?: readonly DefenseFailure[]
}
