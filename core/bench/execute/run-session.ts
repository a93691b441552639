/** What comes before the units of a run: the pool, and the models that the suite names. */
import { dirname } from 'node:path'
import { RobenchError, RunError, fromErrorRecord, toErrorRecord } from '../../base/errors.ts'
import type { ErrorRecord } from '../../base/errors.ts'
import type { Plan } from '../plan/plan.ts'
import { readCachedModel } from '../../model/model-files.ts'
import type { ModelFile } from '../../model/model-files.ts'
import { examineModel, findModelFile } from './models.ts'
import type { ModelRow } from './models.ts'
import { planRows, summarizePlan } from '../forecast/plan-summary.ts'
import type { PlanSummary } from '../forecast/plan-summary.ts'
import { WorkerPool } from './pool.ts'
import { datasetReference } from '../plan/resolve.ts'
import type { ResolvedSuite } from '../plan/resolve.ts'
import type { DefenseFailure } from '../result/result.ts'
import { runUnits } from './run-units.ts'
import type { RunListener, RunSettings } from './settings.ts'
import type { ResultStore } from '../store/store.ts'
import type { WorkerSetting } from './job.ts'

/** The pool and what is done on it before the units. */
export class RunSession {
  readonly pool: WorkerPool
  readonly #resolved: ResolvedSuite
  readonly #settings: RunSettings
  readonly #listener: RunListener
  readonly #signal: AbortSignal

  constructor(
    resolved: ResolvedSuite,
    settings: RunSettings,
    listener: RunListener,
    signal: AbortSignal,
  ) {
    this.#resolved = resolved
    this.#settings = settings
    this.#listener = listener
    this.#signal = signal
    this.pool = new WorkerPool({ workers: settings.workers })
  }

  setting(threads: number): WorkerSetting {
    const { loaded, plugins } = this.#resolved
    const dataset = datasetReference(loaded)
    return { plugins, dataset, folder: loaded.folder, device: this.#settings.device, threads }
  }

  /** All rows of the table to be; only those that must be trained are without a model. Mistakes are thrown. */
  async findModels(): Promise<ModelRow[]> {
    const { defenses, threatModels } = this.#resolved
    const rows: ModelRow[] = []
    for (const defense of defenses) {
      for (const threatModel of threatModels) {
        refuseAborted(this.#signal)
        const earlier = rows.find((row) => row.defense === defense && defense.file)
        const found = await findModelFile(this.#resolved, defense, threatModel)
        const row = { defense, threatModel, folder: found.folder }
        if (earlier?.model) rows.push({ ...row, model: earlier.model })
        else if (found.file) rows.push(await this.#withModel(row, found.file))
        else if (defense.trains) rows.push(row)
        else {
          const file = await this.#prepare(row, this.#settings.threads)
          if ('code' in file) {
            throw atPlace(defense.where, fromErrorRecord(file))
          }
          rows.push(await this.#withModel(row, file))
        }
      }
    }
    return rows
  }

  /** Trains what is not there yet. A failure takes its row out and goes on record. */
  async trainModels(
    rows: readonly ModelRow[],
  ): Promise<{ rows: ModelRow[]; failures: DefenseFailure[] }> {
    const { workers, threads } = this.#settings
    const missing = rows.filter(({ model }) => !model).length
    // Few trainings share the cores of many workers.
    const share = threads * Math.max(1, Math.floor(workers / Math.max(1, missing)))
    const failures: DefenseFailure[] = []
    const made = await Promise.all(
      rows.map(async (row) => {
        if (row.model) return row
        const file = await this.#prepare(row, share)
        const { defense, threatModel } = row
        try {
          if (!('code' in file)) return await this.#withModel(row, file)
          throw fromErrorRecord(file)
        } catch (thrown) {
          const error = toErrorRecord(thrown)
          if (error.code === 'ROBENCH_ABORTED' || error.code === 'ROBENCH_STORE') throw thrown
          this.#listener.failed?.(`defense "${defense.name}"`, error)
          failures.push({ defense: defense.name, threatModel, error })
          return undefined
        }
      }),
    )
    return { rows: made.filter((row) => row !== undefined), failures }
  }

  /** The cells of all rows, and their units. */
  plan(rows: readonly ModelRow[]): Plan {
    return planRows(this.#resolved, rows, this.#settings.device)
  }

  /** @param plan of these rows */
  summarize(
    plan: Plan,
    rows: readonly ModelRow[],
    where: { readonly folder: string; isDone(unitId: string): boolean },
  ): PlanSummary {
    const { workers } = this.#settings
    return summarizePlan(this.#resolved, rows, plan, { workers, ...where })
  }

  /**
   * Does the units of a plan that the store does not have.
   * @param rows all with their models
   * @returns the error of each failed cell, by cell id
   * @throws RunError ROBENCH_ABORTED, ROBENCH_STORE
   */
  async run(
    plan: Plan,
    rows: readonly ModelRow[],
    store: ResultStore,
  ): Promise<Map<string, ErrorRecord>> {
    const { batchSize, timeLimitMs } = this.#resolved.loaded.suite
    const { threads, saveAdversarial = false } = this.#settings
    const errors = await runUnits({
      plan,
      pool: this.pool,
      store,
      setting: this.setting(threads),
      batchSize,
      timeLimitMs,
      saveAdversarial,
      signal: this.#signal,
      model: (hash) => rows.find(({ model }) => model?.hash === hash)!.model!.location,
      progress: (share) => this.#listener.progress?.(share),
      failed: (what, error) => this.#listener.failed?.(what, error),
      notice: (text) => this.#listener.notice?.(text),
    })
    refuseAborted(this.#signal)
    return errors
  }

  async close(): Promise<void> {
    await this.pool.close()
  }

  async #withModel(row: ModelRow, file: ModelFile): Promise<ModelRow> {
    const { device, threads } = this.#settings
    try {
      const model = await examineModel(file, row.defense, this.#resolved, { device, threads })
      return { ...row, model }
    } catch (error) {
      throw atPlace(row.defense.where, error)
    }
  }

  /** Lets the defense make its model in a worker. */
  async #prepare(row: ModelRow, threads: number): Promise<ModelFile | ErrorRecord> {
    const { defense, threatModel, folder } = row
    const answer = await this.pool.run(
      {
        kind: 'prepare',
        setting: this.setting(threads),
        plugin: defense.plugin,
        options: defense.options,
        seed: defense.seed,
        threatModel,
        modelFolder: folder,
      },
      {
        timeLimitMs: this.#resolved.loaded.suite.timeLimitMs,
        restartOnProgress: true,
        blame: `defense "${defense.name}" (${defense.plugin})`,
        signal: this.#signal,
        onMessage: (message) => {
          if (message.robench === 'training')
            this.#listener.training?.(defense.name, message.training)
        },
        onRetry: () =>
          this.#listener.notice?.(
            `defense "${defense.name}": the worker died; it goes on from the last checkpoint`,
          ),
      },
    )
    if (answer.state === 'failed') return answer.error
    const file = await readCachedModel(answer.value.folder)
    if (file) return file
    return toErrorRecord(
      new RunError(
        'ROBENCH_STORE',
        `${dirname(answer.value.folder)}: the model that was just written cannot be read`,
      ),
    )
  }
}

/** The error with the place in the suite in front; a defect or an interruption as it is. */
function atPlace(where: string, error: unknown): unknown {
  const isPlain = !(error instanceof RobenchError) || error.code === 'ROBENCH_ABORTED'
  if (isPlain) return error
  const { code, message, details } = error
  return new RobenchError(code, `${where}: ${message}`, { details, cause: error })
}

/** @throws RunError ROBENCH_ABORTED if the signal has stopped the run */
export function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new RunError('ROBENCH_ABORTED', 'the run was interrupted')
}
