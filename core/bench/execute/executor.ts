/** What runs jobs: the worker processes of this machine, or a queue that other machines serve. */
import type { DatasetReference, Split } from '../../data/dataset.ts'
import type { PluginLocation } from '../../plugin/load.ts'
import type { Job, JobOutcome, JobValues, WorkerMessage } from './job.ts'

/** When a job is stopped. */
export interface JobLimits {
  /** Time from the worker's `began` message on after which the worker is killed. */
  readonly timeLimitMs: number
  /** Extra time for a worker that stops its job by itself; defaults to 0. */
  readonly graceMs?: number
  /** Time without progress after which the worker is killed; defaults to 10 minutes. */
  readonly stallLimitMs?: number
  /** Memory above which a worker with third-party plugins is killed; defaults to a fair share. */
  readonly memoryBytes?: number
  /** True if every message from the worker restarts the clock, as for training. */
  readonly restartOnProgress?: boolean
  /** Name in error messages: `attack "pgd"`. */
  readonly label: string
  readonly signal: AbortSignal
}

/** Callbacks during a job. */
export interface JobEvents {
  message?(message: WorkerMessage): void
  /** Called when a worker died and the job is tried again. */
  retry?(attempt: number): void
}

/** Runs jobs, several at a time. */
export interface Executor {
  /** Number of jobs that run at the same time. */
  readonly size: number
  /**
   * Aborted once no job can be run any more, with a RobenchError as its reason; jobs then end with
   * ROBENCH_ABORTED. Absent if that cannot happen.
   */
  readonly failed?: AbortSignal
  /**
   * Runs one job, at once or when a worker is free. Never rejects: a failure is
   * ROBENCH_WORKER, ROBENCH_TIMEOUT, ROBENCH_ABORTED, or an error of the model or plugin.
   */
  submit<J extends Job>(
    job: J,
    limits: JobLimits,
    events?: JobEvents,
  ): Promise<JobOutcome<JobValues[J['kind']]>>
  /** Stops all workers. */
  close(): Promise<void>
}

/** Where this machine has the content that jobs name by hash. */
export interface LocalContent {
  readonly plugins: readonly PluginLocation[]
  readonly dataset: DatasetReference
  /**
   * Files of packed splits (`packDataset`), which are read in place of `dataset`, on a machine that
   * does not have the files that it names.
   */
  readonly packed?: Readonly<Partial<Record<Split, string>>>
  /** Directory of the suite: paths in `dataset` and in options of defenses are relative to it. */
  readonly suiteFolder: string
  /** Directory of the suite's results. */
  readonly resultsFolder: string
  /** Paths of model files by sha256. Grows while a run finds and trains models. */
  readonly models: Readonly<Record<string, string>>
}

/** Starts an executor for one run. It reads `content` whenever it submits a job. */
export type OpenExecutor = (content: LocalContent) => Executor
