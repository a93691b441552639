/** The input of probes: a model, a sample of the data, and a query-based attack. */
import type { OnnxGraph } from '../../engine/onnx/file.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { AttackTask, ExampleStreams } from '../../attack/task.ts'
import type { ModelManifest } from '../../model/manifest.ts'
import type { Model } from '../../model/model.ts'
import type { PluginOptions } from '../../plugin/contract.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'

/**
 * Runs an attack that sees only logits.
 * @returns `[n]`: 1 where the attack found a misclassified point
 */
export type SearchAttack = (task: AttackTask, options: PluginOptions) => Promise<Uint8Array>

/** The input of the probes. */
export interface ProbeContext {
  readonly model: Model
  /** `[n, c, h, w]`: a sample of the data; the first 64 examples suffice. */
  readonly inputs: FloatTensor
  /** `[n]` */
  readonly labels: Int32Array
  /** Probes ignore its transform: they move in the ball alone. */
  readonly threatModel: ThreatModel
  readonly rng: ExampleStreams
  readonly batchSize: number
  readonly signal: AbortSignal
  /** The Square attack, which belongs to the plugins: see `search-attack.ts`. */
  readonly searchAttack: SearchAttack
  /** Number of classes of the data set; defaults to the model's. */
  readonly classes?: number
  /** The graph of the model's file, for probes that inspect operators. */
  readonly graph?: OnnxGraph
  /** How the file is read, for probes that try other readings or inspect its output. */
  readonly manifest?: Pick<ModelManifest, 'mean' | 'std' | 'output'>
  /** Up to so many examples of the data that are not in the sample, spread evenly. */
  further?(count: number): { readonly inputs: FloatTensor; readonly labels: Int32Array }
  /** Called after each probe. */
  progress?(done: number, total: number): void
}
