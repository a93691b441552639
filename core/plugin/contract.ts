/** The plugin contract, the same for built-in and third-party plugins: types only. */
import type { AttackTask } from '../attack/task.ts'
import type { FloatTensor } from '../engine/tensor/tensor.ts'
import type { Dataset } from '../data/dataset.ts'
import type { ModelManifest } from '../model/manifest.ts'
import type { Model } from '../model/model.ts'
import type { Norm, ThreatModel } from '../threat/threat-model.ts'
import type { TransformEvidence, TransformKind } from '../threat/transforms/table.ts'
import type { NetworkDefinition } from '../training/network.ts'
import type { TrainingProgress } from '../training/training-options.ts'

export type { TrainingProgress }

/** Validated options: plain JSON with the schema's defaults filled in. */
export type PluginOptions = Readonly<Record<string, unknown>>

/** A JSON Schema (2020-12) of an object with `additionalProperties: false`. */
export type OptionsSchema = Readonly<Record<string, unknown>>

/**
 * The basis of a reimplementation. Only results of `paper+code` are comparable with the paper's own
 * numbers.
 */
export type Provenance = 'paper+code' | 'paper' | 'author-code+abstract' | 'abstract-only' | 'own'

/** The paper that describes the method. */
export interface PluginSource {
  readonly authors: string
  readonly year: number
  readonly title?: string
  readonly url: string
}

/** Facts about a plugin of any kind. */
export interface PluginMeta {
  /** kebab-case, unique per kind; third-party ids have a prefix: `acme/blur`. */
  readonly id: string
  /** Version of the plugin contract, as a literal: 1. The host rejects newer versions. */
  readonly apiVersion: number
  /** Increased by one whenever the plugin's results may change; part of every cell's identity. */
  readonly version: number
  readonly title: string
  readonly source?: PluginSource
  readonly provenance: Provenance
  /** Default: no options. */
  readonly optionsSchema?: OptionsSchema
  /** The options that have a meaning for the host, by name. */
  readonly optionRoles?: Readonly<Record<string, OptionRole>>
}

/**
 * The meaning of an option to the host:
 * - `attack`: an attack to wrap, as `wrappedAttackSchema` describes. The host checks its options
 *   and passes it as `context.inner`.
 * - `models`: a list of names of other models of the suite, all if empty. The host loads them and
 *   passes them as `context.surrogates`.
 * - `network`: a network plugin, `{id, options}`. The host checks its options before training, and
 *   its version becomes part of the trained model's identity.
 * - `path`: a file, relative to the suite, which messages about the model name.
 */
export type OptionRole = 'attack' | 'models' | 'network' | 'path'

/** The access of an attack to the model: gradients and graph, or logits only. */
export type Knowledge = 'white-box' | 'black-box'
/** Whether an attack aims at any wrong class or at a given one. */
export type Goal = 'untargeted' | 'targeted'

/** Facts about an attack. */
export interface AttackMeta extends PluginMeta {
  readonly norms: readonly Norm[]
  readonly knowledge: Knowledge
  readonly goals: readonly Goal[]
  /** True if the seed can change the outcome under any options. */
  readonly stochastic: boolean
  /**
   * The id of the attack whose random numbers it uses; default: its own. An attack that begins with
   * another one uses that one's numbers, so that it breaks every example that the other breaks.
   */
  readonly streamsOf?: string
  /**
   * The transforms that it uses. Such an attack requires a threat model with one of them; other
   * attacks ignore transforms.
   */
  readonly transforms?: readonly TransformKind[]
  /** True if it also works without a transform. */
  readonly transformOptional?: boolean
  /**
   * True if it returns the nearest adversarial points that it found, instead of any within the
   * ball: one run then gives the robustness curve up to ε.
   */
  readonly minimumNorm?: boolean
  /**
   * True if it searches only a part of the ball, such as some frequencies, or one perturbation for
   * all examples. Checks do not take its failure for masked gradients.
   */
  readonly restricted?: boolean
}

/** The task of an attack, its options, and other attacks and models that these name. */
export interface AttackContext<Options = PluginOptions> extends AttackTask {
  readonly options: Options
  /** The attack to wrap, with an option of the role `attack`. */
  readonly inner?: WrappedAttack
  /** The models to attack instead, in the order of the option with the role `models`. */
  readonly surrogates?: readonly Model[]
  /**
   * The result of `compute`, cached under the name for other parts of the data. For setup that
   * depends on the model, the reference, the threat model and the options only, not on the attacked
   * examples. The result must not be modified.
   */
  setupOnce<T>(name: string, compute: () => Promise<T>): Promise<T>
}

/** The attack that another one wraps, with its own options and random streams. */
export interface WrappedAttack {
  readonly meta: AttackMeta
  /**
   * Runs the attack on any task, such as one with another model.
   * @param name separates the random streams of several runs
   * @returns `[n, c, h, w]`
   */
  run(task: AttackTask, name?: string): Promise<FloatTensor>
}

/** Passes to attack one example that is never broken. */
export interface PassEstimate {
  readonly forward: number
  readonly backward: number
  /** Passes of the setup: once per chunk of work (500 examples), or per worker with `setupOnce`. */
  readonly setup?: { readonly forward: number; readonly backward: number }
}

/** A result that states which stage broke each example; the host's own predictions decide. */
export interface StagedResult {
  /** `[n, c, h, w]`, as an attack without stages returns it. */
  readonly adversarial: FloatTensor
  /** Names, in the order in which the stages ran. */
  readonly stages: readonly string[]
  /** `[n]`: index in `stages` of the one that broke the example; −1 if none did. */
  readonly brokenBy: Int32Array
}

/** A result with the transforms that it used. The host repeats them; the ball is around T(x). */
export interface TransformedResult {
  /** `[n, c, h, w]`, as an attack without transforms returns it. */
  readonly adversarial: FloatTensor
  readonly transform: TransformEvidence
}

/** The result of an attack's `run`; a tensor is `[n, c, h, w]`. */
export type AttackResult = FloatTensor | StagedResult | TransformedResult

/** An attack. */
export interface AttackPlugin<Options = PluginOptions> {
  readonly kind: 'attack'
  readonly meta: AttackMeta
  /**
   * Returns points within the threat model. For examples that it did not break: the strongest
   * attempt, or the input itself.
   */
  run(context: AttackContext<Options>): Promise<AttackResult>
  /**
   * Passes per example that is never broken, for the plan.
   * @param norm default Linf
   * @param inner cost of the wrapped attack, with an option of the role `attack`
   */
  cost(options: Options, classes: number, norm?: Norm, inner?: PassEstimate): PassEstimate
}

/** The context in which a defense prepares a model. */
export interface DefenseContext<Options = PluginOptions> {
  readonly options: Options
  readonly seed: number
  /** The threat model to defend against. */
  readonly threatModel: ThreatModel
  readonly dataset: {
    readonly id: string
    readonly shape: readonly [number, number, number]
    readonly classNames: readonly string[]
  }
  /** Loads the training split on first use. */
  loadTrain(): Promise<Dataset>
  /** A network architecture by id, with its options checked and defaults filled in. */
  network(id: string, options: PluginOptions): Promise<NetworkDefinition>
  /** Resolves a path in the suite relative to the suite's file. */
  resolvePath(path: string): string
  /** A directory of this defense for checkpoints, kept until the model is finished. */
  readonly checkpointFolder: string
  readonly threads: number
  /** Where to train: an execution provider of onnxruntime, such as `cpu` or `cuda:1`. */
  readonly device: string
  readonly signal: AbortSignal
  progress(state: TrainingProgress): void
}

/** An ONNX file, its manifest, and how it was made. */
export interface DefenseResult {
  readonly model: Uint8Array
  readonly manifest: ModelManifest
  /** Plain JSON about the training, for the model card. */
  readonly training?: Readonly<Record<string, unknown>>
}

/** Facts about a defense. */
export interface DefenseMeta extends PluginMeta {
  /** True if `prepare` needs the training split. */
  readonly trains: boolean
}

/** A defense: prepares a model, by training or otherwise. */
export interface DefensePlugin<Options = PluginOptions> {
  readonly kind: 'defense'
  readonly meta: DefenseMeta
  prepare(context: DefenseContext<Options>): Promise<DefenseResult>
}

/** The input shape, the number of classes, and the options of a network. */
export interface NetworkContext<Options = PluginOptions> {
  readonly inputShape: readonly [channels: number, height: number, width: number]
  readonly classes: number
  readonly options: Options
}

/** A network architecture. */
export interface NetworkPlugin<Options = PluginOptions> {
  readonly kind: 'network'
  readonly meta: PluginMeta
  define(context: NetworkContext<Options>): NetworkDefinition
}

/** A plugin of any kind. */
export type Plugin = AttackPlugin<never> | DefensePlugin<never> | NetworkPlugin<never>
/** A kind of plugin. */
export type PluginKind = Plugin['kind']

/** The default export of a plugin package: lazy loaders by id, as in `plugins/index.ts`. */
export interface PluginTable {
  readonly attacks?: Readonly<Record<string, () => Promise<AttackPlugin<never>>>>
  readonly defenses?: Readonly<Record<string, () => Promise<DefensePlugin<never>>>>
  readonly networks?: Readonly<Record<string, () => Promise<NetworkPlugin<never>>>>
}
