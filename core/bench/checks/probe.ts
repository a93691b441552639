/** What a probe is: a check that tries something on a few examples. */
import type { ExampleStreams } from '../../attack/task.ts'
import type { Model } from '../../model/model.ts'
import type { OnnxGraph } from '../../engine/onnx/file.ts'
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { CheckDocumentation, Finding } from './check.ts'
import type { ProbeSession } from './probe-session.ts'

/** What probes work on. */
export interface ProbeContext {
  readonly model: Model
  /** `[n, c, h, w]`: a sample of the data; the first 64 examples do. */
  readonly inputs: FloatTensor
  /** `[n]` */
  readonly labels: Int32Array
  /** A transform is left aside: probes move in the ball alone. */
  readonly threatModel: ThreatModel
  readonly rng: ExampleStreams
  readonly batchSize: number
  readonly signal: AbortSignal
  /** Of the data set; those of the model if left out. */
  readonly classes?: number
  /** The model's file, for what only its operators tell. */
  readonly graph?: OnnxGraph
  /** Told after each probe. */
  progress?(done: number, total: number): void
}

export interface Probe extends CheckDocumentation {
  readonly kind: 'probe'
  /** @throws RobenchError as the model does */
  measure(laboratory: ProbeSession): Promise<Finding>
}

/** Declares a probe; the identity, for its types. */
export function defineProbe(probe: Probe): Probe {
  return probe
}
