/** The result of a run: plain JSON with one record per cell and the outcome of every example. */
import type { SampleSettings } from '../../data/dataset.ts'
import type { Check } from '../checks/check.ts'
import type { ErrorRecord } from '../../base/errors.ts'
import type { ModelIdentity } from '../plan/model-row.ts'
import type { Outcomes } from '../metrics/accuracy.ts'
import type { DrawAccuracies } from '../metrics/draws.ts'
import type { RobustnessCurve } from '../metrics/curve.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { DrawCounts } from '../../plugin/host.ts'
import type { PluginOptions } from '../../plugin/contract.ts'
import type { PackageIdentity } from '../../plugin/package-identity.ts'
import type { UnitsEvidence } from '../store/store.ts'
import type { Suite } from '../suite/schema.ts'

/** A defense: its plugin with version and options, and its model. */
export interface DefenseIdentity {
  /** Name in the suite. */
  readonly name: string
  readonly plugin: string
  readonly version: number
  readonly options: PluginOptions
  /** Name of the third-party package in `RunResult.packages`; absent for a built-in plugin. */
  readonly package?: string
  readonly model: ModelIdentity
  /** From the defense or the model card: epochs, cost, origin. */
  readonly training?: Readonly<Record<string, unknown>>
  readonly link?: string
  /** How the model's file was read, if that is not obvious, in sentences. */
  readonly remarks?: readonly string[]
}

/** An attack: its plugin with version and options. */
export interface AttackIdentity {
  /** Name in the suite. */
  readonly name: string
  readonly plugin: string
  readonly version: number
  readonly options: PluginOptions
  /** Name of the third-party package in `RunResult.packages`; absent for a built-in plugin. */
  readonly package?: string
}

/** The cost of a cell. */
export interface CellCounts {
  readonly forwardPasses: number
  readonly backwardPasses: number
  readonly elapsedMs: number
}

/** The outcomes of an attack after one of its stages. */
export interface StageResult {
  readonly name: string
  readonly outcomes: Outcomes
  readonly robustAccuracy: number
}

/** An attack that ran on all examples. */
export interface CompletedAttack extends CellCounts {
  readonly state: 'completed'
  readonly attack: AttackIdentity
  readonly seed: number
  /** For a stochastic model, `b` if at most half of the predictions in `draws` are correct. */
  readonly outcomes: Outcomes
  readonly robustAccuracy: number
  /** For an attack with stages, in order. Examples that only the host found broken are in none. */
  readonly stages?: readonly StageResult[]
  /** For a threat model with a curve, or a minimum-norm attack. */
  readonly curve?: RobustnessCurve
  /**
   * For a corruption: outcomes on all corrupted images, including those that were misclassified
   * before.
   */
  readonly corrupted?: { readonly correct: string; readonly accuracy: number }
  /** For a stochastic model: several predictions of each adversarial example. */
  readonly draws?: DrawCounts & DrawAccuracies
  /**
   * Examples that count as robust although the attack queried a misclassified point of their ball.
   * Absent if that cannot be determined: with a transform, or for a stochastic model.
   */
  readonly silentSuccesses?: number
}

/** An attack that did not complete. */
export interface FailedAttack {
  readonly state: 'failed'
  readonly attack: AttackIdentity
  readonly seed: number
  readonly error: ErrorRecord
}

/** The result of one attack with one seed. */
export type AttackResult = CompletedAttack | FailedAttack

/** One defense under one threat model on one data set: a row of the result table. */
export interface ResultEntry {
  readonly defense: DefenseIdentity
  readonly dataset: {
    readonly id: string
    readonly title: string
    readonly sha256: string
    readonly toy: boolean
    readonly examples: number
    readonly total: number
    /** How the examples were chosen, if not as the first ones. */
    readonly sample?: SampleSettings
    /** Signs of a mistake in the data or in how it is read, in sentences. */
    readonly doubts?: readonly string[]
  }
  readonly threatModel: ThreatModel
  /** How the model's file was read, such as that it is quantized; absent if nothing is unusual. */
  readonly remarks?: readonly string[]
  /** Clean predictions, one character per example: `1` correct, `0` wrong. */
  readonly cleanOutcomes: string
  readonly cleanAccuracy: number
  readonly attacks: readonly AttackResult[]
  /**
   * Examples that are correct and broken by no completed attack, over all; absent if none
   * completed.
   */
  readonly worstCaseRobustAccuracy?: number
  /** Over the completed attacks, if any has a curve: see `worstCaseCurve`. */
  readonly worstCaseCurve?: RobustnessCurve
  /** False if the entry must not be ranked; see `rankingObstacles`. */
  readonly rankable: boolean
  /** Reasons against ranking. */
  readonly reasons: readonly string[]
  /** Reliability checks: probes and outcome checks. */
  readonly checks?: readonly Check[]
}

/** A defense that could not be evaluated: preparing its model or its clean predictions failed. */
export interface DefenseFailure {
  readonly defense: string
  readonly threatModel: ThreatModel
  readonly error: ErrorRecord
}

/** Checksums of the files that a result was made from. */
export interface RunEvidence {
  readonly units: UnitsEvidence
  /** sha256 of `adversarials/index.json`, which lists the hashes of all files beside it. */
  readonly adversarials?: string
}

/** The content of `result.json`. */
export interface RunResult {
  readonly schemaVersion: 1
  readonly suite: {
    readonly id: string
    readonly title: string
    readonly sha256: string
    /** The whole suite with defaults; absent in results of older versions. */
    readonly content?: Suite
  }
  readonly robenchVersion: string
  /** robench itself, then the suite's plugin packages; absent in results of older versions. */
  readonly packages?: readonly PackageIdentity[]
  readonly startedAt: string
  readonly finishedAt: string
  /** The command line that reproduces this result, with paths as given. */
  readonly command?: string
  readonly environment: {
    readonly node: string
    readonly onnxruntime: string
    readonly platform: string
    readonly cpu: string
    readonly device: string
    /** What ran the passes of attacks, with its version; absent for onnxruntime. */
    readonly engine?: string
    readonly workers: number
  }
  /** What the result was made from; absent in results of older versions. */
  readonly evidence?: RunEvidence
  readonly entries: readonly ResultEntry[]
  /** Absent if every defense was evaluated. */
  readonly failures?: readonly DefenseFailure[]
}
