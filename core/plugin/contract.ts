/** The plugin contract: types only. What built-ins and third parties export alike. */
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

/** Options after validation: plain JSON with the schema's defaults filled in. */
export type PluginOptions = Readonly<Record<string, unknown>>

/** A JSON Schema (2020-12) of an options object; `additionalProperties` must be false. */
export type OptionsSchema = Readonly<Record<string, unknown>>

/** How faithful a re-implementation can be. Only `paper+code` may stand beside the paper's own numbers. */
export type Provenance = 'paper+code' | 'paper' | 'author-code+abstract' | 'abstract-only' | 'own'

export interface PluginSource {
  readonly authors: string
  readonly year: number
  readonly title?: string
  readonly url: string
}

export interface PluginMeta {
  /** kebab-case, unique among plugins of its kind; third parties prefix theirs: `acme/blur`. */
  readonly id: string
  /** Version of the plugin contract, as a literal: 1. The host refuses newer versions. */
  readonly apiVersion: number
  /** Raised by one whenever the plugin's numbers may change: part of every cell's identity. */
  readonly version: number
  readonly title: string
  readonly source?: PluginSource
  readonly provenance: Provenance
  /** No schema means: no options. */
  readonly optionsSchema?: OptionsSchema
  /** The options that have a meaning for the host, by name. */
  readonly optionRoles?: Readonly<Record<string, OptionRole>>
}

/**
 * What an option means to the host:
 * - `attack`: an attack to wrap, as `wrappedAttackSchema` describes. The host checks its options
 *   and passes it as `context.inner`.
 * - `models`: a list of names of other models of the suite, all if empty. The host loads them and
 *   passes them as `context.surrogates`.
 * - `network`: a network plugin, `{id, options}`. The host checks its options before training, and
 *   its version becomes part of the trained model's identity.
 * - `path`: a file, relative to the suite, which messages about the model name.
 */
export type OptionRole = 'attack' | 'models' | 'network' | 'path'

export type Knowledge = 'white-box' | 'black-box'
export type Goal = 'untargeted' | 'targeted'

export interface AttackMeta extends PluginMeta {
  readonly norms: readonly Norm[]
  readonly knowledge: Knowledge
  readonly goals: readonly Goal[]
  /** True if the seed can change the outcome, under whatever options. */
  readonly stochastic: boolean
  /** The transforms it can use. Such an attack needs a threat model with one of them; others ignore a transform. */
  readonly transforms?: readonly TransformKind[]
  /** True if it works without a transform, too. */
  readonly transformOptional?: boolean
  /** True if its answers are the nearest points it found rather than any in the ball: one run then gives a whole robustness curve. */
  readonly minimumNorm?: boolean
}

/** The task, and the options that the suite gives. */
export interface AttackContext<Options = PluginOptions> extends AttackTask {
  readonly options: Options
  /** The attack to wrap, with an option of the role `attack`. */
  readonly inner?: WrappedAttack
  /** The models to attack instead, in the order of the option with the role `models`. */
  readonly surrogates?: readonly Model[]
  /**
   * What `learn` gives, or gave when the attack asked under that name for another part of the data: for what follows from the model, the
   * reference, the threat model and the options alone, and from no example that is attacked. What it gives must not be changed.
   */
  setupOnce<T>(name: string, learn: () => Promise<T>): Promise<T>
}

/** The attack that another one wraps, with its own options and random streams of its own. */
export interface WrappedAttack {
  readonly meta: AttackMeta
  /** @param name keeps the random numbers of several runs apart */
  run(task: AttackTask, name?: string): Promise<FloatTensor>
}

/** Cost of attacking one example that is never fooled. */
export interface PassEstimate {
  readonly forward: number
  readonly backward: number
  /** Besides, what the attack learns before it attacks: at most once for each unit of work (500 examples), with `setupOnce` for each worker. */
  readonly setup?: { readonly forward: number; readonly backward: number }
}

/** An answer that also says which stage of the attack found what. Evidence, not a verdict: the host predicts every answer itself. */
export interface StagedResult {
  /** `[n, c, h, w]`, as an attack without stages returns it. */
  readonly adversarial: FloatTensor
  /** Their names, in the order in which they ran. */
  readonly stages: readonly string[]
  /** `[n]`: the place in `stages` of the one that broke the example; −1 where none did. */
  readonly brokenBy: Int32Array
}

/** An answer with the transforms that it used, which the host repeats: the ball is drawn around what comes out. */
export interface TransformedResult {
  /** `[n, c, h, w]`, as an attack without transforms returns it. */
  readonly adversarial: FloatTensor
  readonly transform: TransformEvidence
}

export interface AttackPlugin<Options = PluginOptions> {
  readonly kind: 'attack'
  readonly meta: AttackMeta
  /** Returns `[n, c, h, w]` within the threat model: where nothing was found, the strongest attempt or x itself. */
  run(context: AttackContext<Options>): Promise<FloatTensor | StagedResult | TransformedResult>
  /**
   * For the plan: passes per example that is never fooled.
   * @param norm Linf if left out
   * @param inner cost of the wrapped attack, with an option of the role `attack`
   */
  cost(options: Options, classes: number, norm?: Norm, inner?: PassEstimate): PassEstimate
}

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
  /** The training split, loaded when first asked for. */
  loadTrain(): Promise<Dataset>
  /** A network architecture by id, its options checked and defaults filled in. */
  network(id: string, options: PluginOptions): Promise<NetworkDefinition>
  /** Resolves a path in the suite relative to the suite's file. */
  resolvePath(path: string): string
  /** A folder of this defense's own for checkpoints; kept until the model is finished. */
  readonly checkpointFolder: string
  readonly threads: number
  readonly signal: AbortSignal
  progress(state: TrainingProgress): void
}

/** An ONNX file, how to read it, and what it took to make it. */
export interface DefenseResult {
  readonly model: Uint8Array
  readonly manifest: ModelManifest
  /** Plain JSON: what the model card says of its training. */
  readonly training?: Readonly<Record<string, unknown>>
}

export interface DefenseMeta extends PluginMeta {
  /** True if `prepare` needs the training split. */
  readonly trains: boolean
}

export interface DefensePlugin<Options = PluginOptions> {
  readonly kind: 'defense'
  readonly meta: DefenseMeta
  prepare(context: DefenseContext<Options>): Promise<DefenseResult>
}

export interface NetworkContext<Options = PluginOptions> {
  readonly inputShape: readonly [channels: number, height: number, width: number]
  readonly classes: number
  readonly options: Options
}

export interface NetworkPlugin<Options = PluginOptions> {
  readonly kind: 'network'
  readonly meta: PluginMeta
  define(context: NetworkContext<Options>): NetworkDefinition
}

export type Plugin = AttackPlugin<never> | DefensePlugin<never> | NetworkPlugin<never>
export type PluginKind = Plugin['kind']

/** What a plugin package exports as its default: lazy loaders by id, as `plugins/index.ts` does. */
export interface PluginTable {
  readonly attacks?: Readonly<Record<string, () => Promise<AttackPlugin<never>>>>
  readonly defenses?: Readonly<Record<string, () => Promise<DefensePlugin<never>>>>
  readonly networks?: Readonly<Record<string, () => Promise<NetworkPlugin<never>>>>
}
