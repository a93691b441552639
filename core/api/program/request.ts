/** What a program passes to `evaluate` and to an attack: model, data, threat model, attacks. */
import type { DatasetSettings } from '../../data/dataset.ts'
import type { ModelManifest } from '../../model/manifest.ts'
import type { Model } from '../../model/model.ts'
import type { PluginOptions } from '../../plugin/contract.ts'
import type { Norm } from '../../threat/threat-model.ts'
import type { ThreatTarget } from '../../threat/target.ts'
import type { Transform } from '../../threat/transforms/table.ts'

/**
 * A classifier: the path of an .onnx file, its bytes, or a model from `loadModel`, which stays
 * open.
 */
export type ModelSource = string | Uint8Array | Model

/** Labeled images in memory. */
export interface ExampleArrays {
  /**
   * Shape `[n, c, h, w]`, in row-major order. Float32 values are in `bounds`; 8-bit values are
   * mapped onto them. A tensor is accepted.
   */
  readonly inputs: {
    readonly data: Float32Array | Uint8Array
    readonly shape: readonly number[]
  }
  /** `[n]`: classes from 0. */
  readonly labels: ArrayLike<number | bigint>
}

/**
 * The examples to evaluate on: arrays, the id of a data set (its test split), the path of a folder
 * of images, an .npz archive, a .parquet table, or a description, or the paths of two .npy files
 * (inputs uint8, or float32 in `bounds`, `[n, c, h, w]`; labels integers, `[n]`).
 */
export type ExampleData =
  | string
  | ExampleArrays
  | (DatasetSettings &
      ({ readonly inputs: string; readonly labels: string } | { readonly path: string }))

/** Which changes of an input the attacker may make. The bounds are those of the data. */
export interface ThreatModelInput {
  readonly norm: Norm
  /**
   * Radius in the units of the inputs: a positive number or a fraction such as `'8/255'`. Optional
   * with a transform.
   */
  readonly epsilon?: number | string
  readonly transform?: Transform
  /** The class that the attacker wants: a targeted threat model. */
  readonly target?: ThreatTarget
  /** Limits that the data gives for each example, in place of `epsilon`. */
  readonly given?: 'epsilons' | 'box'
  /** Further radii, for a curve of robust accuracy. */
  readonly curve?: readonly (number | string)[]
}

/** An attack by id, or with options and a name. Omitted options have their defaults. */
export type AttackChoice =
  | string
  | {
      readonly id: string
      readonly options?: PluginOptions
      /** Default: the id; a repeated id gets a number, such as `pgd-2`. */
      readonly name?: string
    }

/** How to read the model, and how to run. All settings are optional. */
export interface ProgramSettings extends Partial<Omit<ModelManifest, 'components'>> {
  /** Seed of every random stream of the attacks, 0 to 2³² − 1. Default: 0. */
  readonly seed?: number
  /** Examples per pass. Does not change any outcome. Default: 64. */
  readonly batchSize?: number
  /**
   * `cpu`, `cuda`, `cuda:1`, `webgpu`, `dml`, `coreml`, or `tfjs` for the engine TensorFlow.js.
   * Default: `cpu`.
   */
  readonly device?: string
  /** Threads of each pass. Default: 1, as in `robench eval`. */
  readonly threads?: number
  /** Other models by name, for transfer attacks. */
  readonly surrogates?: Readonly<Record<string, ModelSource>>
  /** Third-party plugin packages: npm names, or paths relative to the working directory. */
  readonly plugins?: readonly string[]
  /** Stops the evaluation with a RunError ROBENCH_ABORTED. */
  readonly signal?: AbortSignal
  /**
   * Called while an attack runs.
   * @param done examples of `total` that the attack has finished
   */
  readonly progress?: (attack: string, done: number, total: number) => void
}

/** What `evaluate` takes. */
export interface EvaluateRequest extends ProgramSettings {
  readonly model: ModelSource
  readonly data: ExampleData
  readonly threatModel: ThreatModelInput
  /** At least one. */
  readonly attacks: readonly AttackChoice[]
  /** Use only the first `limit` examples. */
  readonly limit?: number
  /**
   * False skips the reliability checks, which take a few hundred passes for each of 64 examples.
   * Default: true.
   */
  readonly checks?: boolean
}
