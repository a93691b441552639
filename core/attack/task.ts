/** What any attack works on, whoever starts it: a plugin's context has this, and adds its options. */
import type { Model } from '../model/model.ts'
import type { RandomStream } from '../base/random.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { ReferenceExamples } from '../threat/reference-examples.ts'
import type { ThreatModel } from '../threat/threat-model.ts'

/** Random streams of one cell. The same (example, restart, name) gives the same numbers in every batch and on every worker. */
export interface ExampleStreams {
  /** @param row the example's row in `inputs`; @param restart 0, 1, …; @param name separates several uses. */
  stream(row: number, restart: number, name?: string): RandomStream
}

export interface AttackTask {
  readonly model: Model
  /** `[n, c, h, w]`, all classified correctly by the model; not to be changed. */
  readonly inputs: FloatTensor
  /** `[n]`, the true labels. */
  readonly labels: Int32Array
  readonly threatModel: ThreatModel
  /** For attacks that learn from other examples or start at them. */
  readonly reference: ReferenceExamples
  readonly rng: ExampleStreams
  /** How many examples to put through the model at once. */
  readonly batchSize: number
  /** Aborted when the run stops or the cell's time is up: check it between batches. */
  readonly signal: AbortSignal
  /** Tells the progress bar how many of the n examples are finished. */
  progress(done: number): void
}
