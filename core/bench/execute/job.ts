/** What crosses the border of a worker process: plain JSON in, plain JSON out. */
import type { ErrorRecord } from '../../base/errors.ts'
import type { DatasetReference } from '../../data/dataset.ts'
import type { ModelManifest } from '../../model/manifest.ts'
import type { PluginOptions, TrainingProgress } from '../../plugin/contract.ts'
import type { PluginLocation } from '../../plugin/load.ts'
import type { Unit } from '../plan/cell.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { UnitOutcome } from '../store/store.ts'

/** Where a worker finds things. None of it changes a number. */
export interface WorkerSetting {
  readonly plugins: readonly PluginLocation[]
  readonly dataset: DatasetReference
  /** Paths in the suite are relative to this folder. */
  readonly folder: string
  readonly device: string
  readonly threads: number
}

/** A finished model on disk. */
export interface ModelLocation {
  readonly path: string
  /** What messages call it: the user's own file rather than its copy in the cache. */
  readonly label: string
  readonly manifest: ModelManifest
}

/** Predict a shard, or attack it. */
export interface UnitJob {
  readonly kind: 'unit'
  readonly setting: WorkerSetting
  readonly unit: Unit
  readonly model: ModelLocation
  /** For an attack on other models, too: those of the cell, in its order. */
  readonly surrogates?: readonly ModelLocation[]
  readonly batchSize: number
  readonly timeLimitMs: number
  /** For an attack: the outcomes of the clean unit over the same examples. */
  readonly clean?: string
  /** Where to keep the adversarials as float32 .npy, if wanted. */
  readonly adversarialFile?: string
}

/** Let a defense make its model. */
export interface PrepareJob {
  readonly kind: 'prepare'
  readonly setting: WorkerSetting
  readonly plugin: string
  readonly options: PluginOptions
  readonly seed: number
  readonly threatModel: ThreatModel
  /** The folder of this model in the cache; for a defense that does not train, the parent of a folder named by content. */
  readonly modelFolder: string
}

export type WorkerJob = UnitJob | PrepareJob

/** What a worker answers; errors are data, since their classes do not survive the border. */
export type JobOutcome<T> =
  | { readonly state: 'completed'; readonly value: T }
  | { readonly state: 'failed'; readonly error: ErrorRecord }

/** The folder that a defense's model was written to. */
export interface PreparedModel {
  readonly folder: string
}

/** What each kind of task comes back with. */
export interface JobValues {
  readonly unit: UnitOutcome
  readonly prepare: PreparedModel
}

/** Sent by a worker while it works. */
export type WorkerMessage =
  /** Plugins, data and model are loaded: the time limit runs from here. */
  | { readonly robench: 'began' }
  | { readonly robench: 'examples'; readonly done: number }
  | { readonly robench: 'training'; readonly training: TrainingProgress }

/** Sent to a worker: stop what you are doing. */
export interface AbortMessage {
  readonly robench: 'abort'
}

export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return typeof message === 'object' && message !== null && 'robench' in message
}
