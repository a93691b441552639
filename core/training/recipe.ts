/** What a training consists of, and where it runs. */
import type { Dataset } from '../data/dataset.ts'
import type { Value } from '../engine/graph/value.ts'
import type { Stepping } from '../model/step-programs.ts'
import type { ExportedModel } from './export-model.ts'
import type { InnerAttack } from './inner-attack.ts'
import type { ModuleScope } from './module.ts'
import type { Phase } from './phase.ts'

/** What a training consists of. */
export interface TrainingRecipe {
  /** In order, for each batch. */
  readonly phases: readonly Phase[]
  /**
   * The model of images `[n, c, h, w]` that is validated and exported.
   * @param labels `[n]` int64 in validation, for upper bounds that know them; undefined at export
   */
  model(m: ModuleScope, images: Value, labels?: Value): Value | ExportedModel
  /**
   * Measures robust accuracy on the held-out examples. Default: PGD with 10 steps of ε/4 on the
   * exported model, in the threat model of the run.
   */
  readonly validationAttack?: InnerAttack
}

/** The part of the options that a trainer needs. */
export interface TrainerOptions {
  readonly recipe: TrainingRecipe
  readonly data: Dataset
  readonly batch: number
  readonly seed: number
  readonly threads: number
  /** Default `cpu`. */
  readonly device?: string | undefined
  /**
   * Where inner attacks step, and whether a run takes several batches; default: on the device,
   * except on CPUs, where the host is as fast.
   */
  readonly stepping?: Stepping | undefined
}

/** Position of a batch in training. */
export interface BatchPosition {
  readonly epoch: number
  readonly step: number
  /** Fraction of training before this batch. */
  readonly progress: number
}

/** Where a batch stands in training, and its rows of the data. */
export interface PlacedBatch {
  readonly position: BatchPosition
  readonly rows: readonly number[]
}

/** What the phases report for a batch. */
export type BatchReport = Readonly<Record<string, number>>
