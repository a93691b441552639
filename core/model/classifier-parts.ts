/** The parts of a classifier. */
import type { GraphError } from '../base/errors.ts'
import type { Noise } from '../engine/graph/random-operators.ts'
import type { Session, SessionOptions } from '../engine/graph/session.ts'
import type { OnnxNode } from '../engine/onnx/file.ts'
import type { Value } from '../engine/graph/value.ts'
import type { PlacedComponent } from './components.ts'
import type { FileRunner } from './file-runner.ts'
import type { ModelComponent } from './model.ts'
import type { Stepping } from './step-programs.ts'

/** The parts that a model and its variants share. */
export interface ClassifierParts {
  readonly name: string
  readonly hash: string
  readonly inputShape: readonly [number, number, number]
  readonly classes: number
  readonly bounds: readonly [number, number]
  /** The placeholder `[n, c, h, w]` of the expression. */
  readonly images: Value
  /** The imported file, or the reason why it cannot be differentiated. */
  readonly expression: ClassifierExpression | GraphError
  /** Whether logits come from the file itself, because the expression rounds at other places. */
  readonly forwardByFile: boolean
  /** The components that the manifest declares. */
  readonly components: readonly ModelComponent[]
  readonly stochastic: boolean
  /** What the user should know about how the file was read, in sentences. */
  readonly remarks: readonly string[]
  readonly runner: FileRunner
  /** The session of the expression's logits. */
  readonly forward?: Session
  /** For passes without a gradient. */
  readonly session: SessionOptions
  /** Whether passes with a gradient compute in half precision. */
  readonly half: boolean
  /** Where the steps of attacks are computed; by default, where the device is faster. */
  readonly stepping?: Stepping
}

/** A classifier as an expression of its placeholders: images and noise. */
export interface ClassifierExpression {
  /** `[n, k]` */
  readonly logits: Value
  readonly components: readonly PlacedComponent[]
  readonly noise: readonly Noise[]
  /** The nodes that replace `If` and `Loop` of the file. */
  readonly inlined: readonly OnnxNode[]
}
