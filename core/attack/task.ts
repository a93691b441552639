/** The task of an attack. A plugin's context extends it with options. */
import type { Model } from '../model/model.ts'
import type { RandomStream } from '../base/random.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { ReferenceExamples } from '../threat/reference-examples.ts'
import type { ThreatModel } from '../threat/threat-model.ts'

/**
 * Random streams of one evaluation. The same (example, restart, name) gives the same numbers in
 * every batch and on every worker.
 */
export interface ExampleStreams {
  /**
   * @param row the example's row in `inputs`
   * @param restart 0, 1, …
   * @param name separates several uses
   */
  stream(row: number, restart: number, name?: string): RandomStream
}

/** The input of an attack, run by the host or by another attack. */
export interface AttackTask {
  readonly model: Model
  /** `[n, c, h, w]`, all classified correctly by the model; read-only. */
  readonly inputs: FloatTensor
  /** `[n]`, the true labels. */
  readonly labels: Int32Array
  readonly threatModel: ThreatModel
  /**
   * `[n]`, in a targeted threat model: the class that each example must reach, never its label. Only
   * for attacks that declare the goal `targeted`; see `towardTargets`.
   */
  readonly targets?: Int32Array
  /** Examples for attacks that learn from others or start at them. */
  readonly reference: ReferenceExamples
  readonly rng: ExampleStreams
  /** Maximum number of examples per pass. */
  readonly batchSize: number
  /** Aborted when the run stops or the attack times out; check it between batches. */
  readonly signal: AbortSignal
  /** Reports how many of the n examples are finished, and the stage, of an attack that has stages. */
  progress(done: number, stage?: string): void
}
