/** What an attack, the host and the bench see of a classifier. */
import type { Value } from '../engine/graph/value.ts'
import type { FloatTensor, Tensor } from '../engine/tensor/tensor.ts'

/**
 * A loss per example, as an expression: logits `[n, k]` and labels `[n]` (int64) give `[n]`.
 * Sessions are cached by the function itself, so pass the same function each time.
 */
export type Loss = (logits: Value, labels: Value) => Value

/** A loss that also knows a class per example to go for: `targets` `[n]` (int64). A `Loss` is one that does not look. */
export type TargetedLoss = (logits: Value, labels: Value, targets: Value) => Value

/** Passes through the model, counted per example: a batch of 32 logits is 32 forward passes. */
export interface PassCounts {
  readonly forward: number
  readonly backward: number
}

export interface GradientResult {
  /** `[n, k]`, from the same pass. */
  readonly logits: FloatTensor
  /** `[n]`. */
  readonly losses: Float32Array
  /** ∂(sum of losses)/∂inputs, in the inputs' shape: row i is the gradient of example i's own loss. */
  readonly gradient: FloatTensor
}

/** What a builder passed to `compile` works with. */
export interface ProgramScope {
  /** The model's logits `[n, k]` of an expression of shape `[n, c, h, w]`; each call costs one forward pass per example. */
  logits(inputs: Value): Value
  /** Gradients of a scalar (or summed) expression; each call costs one backward pass per example. */
  gradient(of: Value, withRespectTo: readonly Value[]): Value[]
}

export interface ProgramDefinition {
  /** Placeholders made with `input(name, dtype, shape)`. */
  readonly inputs: readonly Value[]
  readonly outputs: Readonly<Record<string, Value>>
}

/** An attack's own expressions fused with the model's graph into one session. */
export interface Program {
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>
  /** Frees the native session; the host does so for an attack when its run ends, and `dispose` for all. */
  release(): Promise<void>
}

/** Where a model declares that something other than ordinary layers happens, such as a restoration of its input. */
export interface ModelComponent {
  readonly name: string
  /** As declared: `exact` unless the component's own derivative is of no use or should be left out. */
  readonly backward: ComponentTreatment
}

/**
 * How a pass treats a component y = s(x). `exact`: as it is. `identity`: gradients pass as if y were x (BPDA). `constant`: no gradient passes.
 * `removed`: the forward pass, too, takes x in place of y.
 */
export type ComponentTreatment = 'exact' | 'identity' | 'constant' | 'removed'

/** A model that is to be differentiated, or run, in another way than it is by itself, which is exactly. */
export interface ModelVariant {
  /** Treatment of components by name; the others are exact. */
  readonly components?: Readonly<Record<string, ComponentTreatment>>
  /**
   * Gradients pass rounding and thresholds as a straight-through estimate: `Round`, `Floor`, `Ceil`, `Sign`, `Cast`, comparisons, and
   * `Where` between constants.
   */
  readonly straightThrough?: boolean
  /** For a stochastic model: random numbers of that name, begun anew; those of the model that is varied if left out. */
  readonly draws?: string
}

/** A classifier ready to be evaluated. Inputs are float32 `[n, c, h, w]` in `bounds`, whatever layout or normalization the file has inside. */
export interface Model {
  readonly inputShape: readonly [channels: number, height: number, width: number]
  readonly classes: number
  readonly bounds: readonly [low: number, high: number]
  /** sha256 of the file and of how it is read. */
  readonly hash: string
  /** All passes since the model was loaded. */
  readonly passes: PassCounts
  /** Logits `[n, k]`. @throws RobenchError ROBENCH_MODEL_OUTPUT if a logit is not finite. One forward pass per example. */
  logits(inputs: FloatTensor): Promise<FloatTensor>
  /**
   * Loss, logits and input gradient in one session. One forward and one backward pass per example.
   * @param targets `[n]`, for a loss that looks at them: with such a loss always, with another never.
   * @throws GraphError ROBENCH_NO_GRADIENT.
   */
  gradient(
    inputs: FloatTensor,
    labels: Int32Array,
    loss: TargetedLoss,
    targets?: Int32Array,
  ): Promise<GradientResult>
  /** Compiles the attack's own expressions with the model inside. */
  compile(build: (scope: ProgramScope) => ProgramDefinition): Promise<Program>
  /** In the order of the graph; declared by the model's manifest. */
  readonly components: readonly ModelComponent[]
  /**
   * True if two passes over the same inputs can differ. An example's random numbers follow from the model, its input's bytes and how
   * often the model was given that input before, so outcomes do not depend on the batch; loss, logits and gradient of one pass share
   * them. Of a file that robench cannot read, onnxruntime draws them, each time others.
   */
  readonly stochastic: boolean
  /**
   * The same model with other backward passes, without some components, or with other random numbers. A variant of a variant is one of the
   * whole model. They all share one count of passes, and the sessions: the caller need not dispose of a variant.
   * @throws ConfigError for a component that the model does not have; GraphError where there is no graph to change
   */
  variant(options: ModelVariant): Model
  /** Frees the native sessions. */
  dispose(): Promise<void>
}
