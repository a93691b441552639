/** The contract of a classifier: what attacks, the plugin host and the bench can do with it. */
import type { Value } from '../engine/graph/value.ts'
import type { FloatTensor, Tensor } from '../engine/tensor/tensor.ts'

/**
 * A loss per example as an expression: logits `[n, k]` and labels `[n]` (int64) to `[n]`. Sessions
 * are cached by function identity, so pass the same function each time.
 */
export type Loss = (logits: Value, labels: Value) => Value

/** A loss with a target class per example: `targets` `[n]` (int64). A `Loss` ignores targets. */
export type TargetedLoss = (logits: Value, labels: Value, targets: Value) => Value

/** Passes through the model, counted per example: a batch of 32 logits is 32 forward passes. */
export interface PassCounts {
  readonly forward: number
  readonly backward: number
}

/** Loss, logits and gradient of one pass. */
export interface GradientResult {
  /** `[n, k]`. */
  readonly logits: FloatTensor
  /** `[n]`. */
  readonly losses: Float32Array
  /** ∂(sum of losses)/∂inputs, shaped as the inputs: row i is the gradient of example i's loss. */
  readonly gradient: FloatTensor
}

/** The arguments of a function passed to `compile`. */
export interface ProgramScope {
  /**
   * The logits `[n, k]` of an expression `[n, c, h, w]`. Each call costs one forward pass per
   * example.
   */
  logits(inputs: Value): Value
  /** Gradients of the sum of an expression. Each call costs one backward pass per example. */
  gradient(of: Value, withRespectTo: readonly Value[]): Value[]
}

/** The inputs and outputs of a program. */
export interface ProgramDefinition {
  /** Placeholders made with `input(name, dtype, shape)`. */
  readonly inputs: readonly Value[]
  readonly outputs: Readonly<Record<string, Value>>
}

/** Expressions of an attack, compiled with the model's graph into one session. */
export interface Program {
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>
  /**
   * Frees the native session. The host does so at the end of an attack, and `dispose` for all
   * programs.
   */
  release(): Promise<void>
}

/** A part of a model that is not an ordinary layer, such as a restoration of the input. */
export interface ModelComponent {
  readonly name: string
  /**
   * The declared treatment in backward passes: not `exact` if the derivative of the component is
   * useless or should be skipped.
   */
  readonly backward: ComponentTreatment
}

/**
 * How passes treat a component y = s(x):
 * - `exact`: unchanged;
 * - `identity`: gradients pass as if y were x (BPDA);
 * - `constant`: no gradients pass;
 * - `removed`: forward passes use x instead of y, too.
 */
export type ComponentTreatment = 'exact' | 'identity' | 'constant' | 'removed'

/** Changes to how a model is evaluated or differentiated. */
export interface ModelVariant {
  /** Treatments of components by name; other components are exact. */
  readonly components?: Readonly<Record<string, ComponentTreatment>>
  /**
   * Gradients pass rounding and thresholds as straight-through estimates: `Round`, `Floor`, `Ceil`,
   * `Sign`, `Cast`, comparisons, and `Where` between constants.
   */
  readonly straightThrough?: boolean
  /**
   * For a stochastic model: restarts its random numbers under this name. By default they are shared
   * with the varied model.
   */
  readonly draws?: string
}

/**
 * A classifier. Inputs are float32 `[n, c, h, w]` in `bounds`, whatever the layout and
 * normalization of the file.
 */
export interface Model {
  readonly inputShape: readonly [channels: number, height: number, width: number]
  readonly classes: number
  readonly bounds: readonly [low: number, high: number]
  /** sha256 of the file and its manifest. */
  readonly hash: string
  /** Total passes since the model was loaded. */
  readonly passes: PassCounts
  /**
   * Logits `[n, k]`. One forward pass per example.
   * @throws RobenchError ROBENCH_MODEL_OUTPUT if a logit is not finite
   */
  logits(inputs: FloatTensor): Promise<FloatTensor>
  /**
   * Loss, logits and input gradient from one session. One forward and one backward pass per
   * example.
   * @param targets `[n]`; required if the loss uses them, otherwise omitted
   * @throws GraphError ROBENCH_NO_GRADIENT
   */
  gradient(
    inputs: FloatTensor,
    labels: Int32Array,
    loss: TargetedLoss,
    targets?: Int32Array,
  ): Promise<GradientResult>
  /** Compiles expressions that contain the model. */
  compile(build: (scope: ProgramScope) => ProgramDefinition): Promise<Program>
  /** The components that the manifest declares, in the order of the graph. */
  readonly components: readonly ModelComponent[]
  /**
   * True if two passes over the same inputs can differ. The random numbers of an example follow
   * from the model, the bytes of its input and the number of earlier passes over that input, so
   * outcomes do not depend on the batch. Loss, logits and gradient of one pass share them. For
   * files that robench cannot import, onnxruntime draws new ones in each pass.
   */
  readonly stochastic: boolean
  /**
   * The model with other backward passes, without some components, or with other random numbers. On
   * a variant, `variant` starts from the original model. Variants share pass counts and sessions,
   * and need no `dispose`.
   * @throws ConfigError for an unknown component; GraphError if the model has no graph to change
   */
  variant(options: ModelVariant): Model
  /** Frees the native sessions. */
  dispose(): Promise<void>
}
