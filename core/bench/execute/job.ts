/** Jobs and their outcomes: plain data that can cross to another process or machine. */
import type { ErrorRecord } from '../../base/errors.ts'
import type { PluginOptions, TrainingProgress } from '../../plugin/contract.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { Unit } from '../plan/cell.ts'
import type { ModelReference } from '../plan/model-row.ts'
import type { UnitOutcome } from '../store/unit-outcome.ts'

/** What all jobs of a run share. Content is named by hash; `LocalContent` says where it is. */
export interface JobSetting {
  /** Names of the third-party plugin packages whose code the job runs. */
  readonly plugins: readonly string[]
  /** The data set; the hash is that of its test split. */
  readonly dataset: { readonly id: string; readonly sha256: string }
  readonly device: string
  readonly threads: number
}

/** Predict, probe, or attack one shard of a cell. */
export interface UnitJob {
  readonly kind: 'unit'
  readonly setting: JobSetting
  readonly unit: Unit
  readonly model: ModelReference
  /** For an attack on other models: those of the cell, in its order. */
  readonly surrogates?: readonly ModelReference[]
  readonly batchSize: number
  /** Find a larger batch by trying, from `batchSize` on. */
  readonly findsBatch?: true
  readonly timeLimitMs: number
  /** For an attack: the outcomes of the clean unit over the same examples. */
  readonly clean?: string
  /** For an attack: attack these examples in place of those of the shard, and save no points. */
  readonly rows?: readonly number[]
  /** Write the adversarial examples to the results directory as float32 .npy. */
  readonly saveAdversarial?: boolean
}

/** Let a defense make its model, and put the model into the cache. */
export interface PrepareJob {
  readonly kind: 'prepare'
  readonly setting: JobSetting
  readonly plugin: string
  readonly options: PluginOptions
  readonly seed: number
  readonly threatModel: ThreatModel
  /** For a defense that trains: name of the model's directory in the cache. */
  readonly cacheKey?: string
  /** True if an option names a file, which other machines do not have. */
  readonly readsFile?: boolean
}

/** Let an attack search a counterexample of a property, on this machine only. */
export interface PropertyJob {
  readonly kind: 'property'
  readonly setting: JobSetting
  readonly model: ModelReference
  /** The text of the VNN-LIB file. */
  readonly property: string
  /** Which case of the property. */
  readonly at: number
  readonly attack: string
  readonly seed: number
}

/** What an executor runs; a queue takes no `PropertyJob`. */
export type Job = UnitJob | PrepareJob | PropertyJob

/** Result of a job. Errors are data, since their classes do not survive the transfer. */
export type JobOutcome<T> =
  | { readonly state: 'completed'; readonly value: T }
  | { readonly state: 'failed'; readonly error: ErrorRecord }

/** A model that a defense made. */
export interface PreparedModel {
  /** Name of its directory in the cache. */
  readonly cacheKey: string
}

/** The value that each kind of job returns. */
export interface JobValues {
  readonly unit: UnitOutcome
  readonly prepare: PreparedModel
  /** The point that the search ended at. */
  readonly property: readonly number[]
}

/** Sent by a worker during a job. */
export type WorkerMessage =
  /** Plugins, data, and models are loaded: the time limit starts. */
  | { readonly robench: 'began' }
  /** The model has been evaluated since the last message. */
  | { readonly robench: 'alive' }
  | { readonly robench: 'examples'; readonly done: number; readonly stage?: string }
  /** The batch that was found by trying. */
  | { readonly robench: 'batch'; readonly size: number }
  | { readonly robench: 'training'; readonly training: TrainingProgress }

/** Sent to a worker: stop the current job. */
export interface AbortMessage {
  readonly robench: 'abort'
}

/** Whether a message is one of a job's, with numbers where they belong: a plugin may report any. */
export function isWorkerMessage(message: unknown): message is WorkerMessage {
  if (typeof message !== 'object' || message === null) return false
  const { robench, done, size, stage, training } = message as Readonly<Record<string, unknown>>
  if (robench === 'began' || robench === 'alive') return true
  if (robench === 'batch') return typeof size === 'number'
  if (robench === 'examples') {
    return typeof done === 'number' && (stage === undefined || typeof stage === 'string')
  }
  if (robench !== 'training' || typeof training !== 'object' || training === null) return false
  return Object.values(training).every((value) => value !== null)
}

/** The id of the attack that a job runs; undefined for a job without one. */
export function attackOfJob(job: Job): string | undefined {
  if (job.kind === 'property') return job.attack
  return job.kind === 'unit' && job.unit.cell.kind === 'attack'
    ? job.unit.cell.attack.plugin
    : undefined
}
