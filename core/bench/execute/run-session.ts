/** The models of a suite and its units, run on an executor. */
import { RobenchError, RunError, fromErrorRecord, toErrorRecord } from '../../base/errors.ts'
import { usesProcessor } from '../../engine/graph/session-device.ts'
import type { ErrorRecord } from '../../base/errors.ts'
import { readCachedModel } from '../../model/model-files.ts'
import type { ModelFile } from '../../model/model-files.ts'
import { fitMemory } from '../forecast/memory.ts'
import type { MemoryPlan } from '../forecast/memory.ts'
import { likelyShares, planRows, summarizePlan } from '../forecast/plan-summary.ts'
import type { PlanSummary } from '../forecast/plan-summary.ts'
import { slowdown, watchOtherPrograms } from '../../machine/processor-use.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { ExaminedModel, ModelRow } from '../plan/model-row.ts'
import type { Plan } from '../plan/plan.ts'
import { requireModelClasses } from '../plan/targets.ts'
import { datasetReference, modelFolder, pluginLimits } from '../plan/resolve.ts'
import type { ResolvedDefense, ResolvedSuite } from '../plan/resolve.ts'
import type { DefenseFailure } from '../result/result.ts'
import { resultsFolder } from '../store/store.ts'
import type { ResultStore } from '../store/store.ts'
import type { Executor, JobLimits } from './executor.ts'
import type { JobSetting } from './job.ts'
import { examineModel, findModelFile } from './models.ts'
import { WorkerPool } from './pool.ts'
import { runUnits } from './run-units.ts'
import type { RunSettings } from './settings.ts'

/** One suite on one executor: finds and trains the models, then runs units. */
export class RunSession {
  /** Directory of the suite's results. */
  readonly folder: string
  readonly #executor: Executor
  readonly #resolved: ResolvedSuite
  readonly #settings: RunSettings
  /** Paths of model files by sha256. */
  readonly #models: Record<string, string> = {}
  /** Cores that other programs kept busy while passes were timed. */
  #otherPrograms = 0

  /**
   * Starts the executor of the settings, or else a pool of worker processes.
   * @param suffix of the name of the results directory
   */
  constructor(resolved: ResolvedSuite, settings: RunSettings, suffix = '') {
    const { loaded, plugins } = resolved
    const { workers, environments, device } = settings
    this.#resolved = resolved
    this.#settings = settings
    const { sha256, suite } = loaded
    this.folder = resultsFolder(settings.resultsFolder, { id: suite.id, sha256, device }) + suffix
    const openExecutor =
      settings.executor ??
      ((content): Executor => new WorkerPool({ workers, environments, content }))
    this.#executor = openExecutor({
      plugins,
      dataset: datasetReference(loaded),
      suiteFolder: loaded.folder,
      resultsFolder: this.folder,
      models: this.#models,
    })
  }

  /**
   * The rows of the result table. Only rows whose model must be trained have no model.
   * @param completed ids of units that need no forecast: models of other units are surveyed;
   * without it, none is
   * @throws RobenchError for a mistake in the suite or in a model file
   */
  async findModels(completed?: ReadonlySet<string>): Promise<ModelRow[]> {
    const { defenses, threatModels } = this.#resolved
    const otherPrograms = watchOtherPrograms()
    const rows: ModelRow[] = []
    for (const defense of defenses) {
      let earlier: ModelRow | undefined
      for (const threatModel of threatModels) {
        throwIfAborted(this.#settings.signal)
        this.#settings.listener.loading?.(defense.name)
        const { file, cacheKey } = await findModelFile(this.#resolved, defense, threatModel)
        const row = { defense, threatModel, ...(cacheKey !== undefined && { cacheKey }) }
        if (earlier?.model) rows.push({ ...row, model: earlier.model })
        else if (file) {
          const found = await this.#withModel(row, file, completed)
          if (defense.file) earlier = found
          rows.push(found)
        } else if (defense.trains) rows.push(row)
        else {
          const prepared = await this.#prepare(row, this.#settings.threads)
          if ('code' in prepared) throw atPlace(defense.where, fromErrorRecord(prepared))
          rows.push(await this.#withModel(row, prepared, completed))
        }
      }
    }
    this.#otherPrograms = otherPrograms()
    return rows
  }

  /**
   * Trains the missing models. Returns the rows with a model, and a record of each failure,
   * both in the order of the rows.
   * @param completed called for each row as soon as it has its model
   */
  async trainModels(
    rows: readonly ModelRow[],
    completed?: (row: ModelRow) => Promise<void>,
  ): Promise<{ rows: ModelRow[]; failures: DefenseFailure[] }> {
    const { workers, threads, listener } = this.#settings
    const missing = rows.filter(({ model }) => !model).length
    // With fewer trainings than workers, each training uses the cores of several workers.
    const share = threads * Math.max(1, Math.floor(workers / Math.max(1, missing)))
    const failures = new Map<ModelRow, DefenseFailure>()
    const trained = await Promise.all(
      rows.map(async (row) => {
        const { defense, threatModel } = row
        let complete: ModelRow
        try {
          complete = row.model ? row : await this.#trained(row, share)
        } catch (thrown) {
          this.#executor.failed?.throwIfAborted()
          const error = toErrorRecord(thrown)
          if (error.code === 'ROBENCH_ABORTED' || error.code === 'ROBENCH_STORE') throw thrown
          listener.failed?.(`defense "${defense.name}"`, error)
          failures.set(row, { defense: defense.name, threatModel, error })
          return undefined
        }
        await completed?.(complete)
        return complete
      }),
    )
    return {
      rows: trained.filter((row) => row !== undefined),
      failures: rows.flatMap((row) => failures.get(row) ?? []),
    }
  }

  /** The cells of all rows, and their units. */
  plan(rows: readonly ModelRow[]): Plan {
    return planRows(this.#resolved, rows, this.#settings.device)
  }

  /** @param plan of these rows */
  summarize(
    plan: Plan,
    rows: readonly ModelRow[],
    isDone: (unitId: string) => boolean,
  ): PlanSummary {
    const { workers, batchSizes, bytesPerWorker } = this.#fit(rows)
    const memory = { bytesPerWorker, batchSize: Math.min(...batchSizes.values()) }
    const { executor, device } = this.#settings
    const isLocal = executor === undefined && usesProcessor(device)
    return summarizePlan(this.#resolved, rows, plan, {
      folder: this.folder,
      workers,
      ...(isLocal && { slowdown: slowdown(workers, this.#otherPrograms) }),
      ...(batchSizes.size > 0 && { memory }),
      isDone,
    })
  }

  /**
   * Runs the units of a plan that the store does not have.
   * @param rows all with their models
   * @param summary whose surveys predict the time left
   * @returns the error of each failed cell, by cell id
   * @throws RunError ROBENCH_ABORTED, ROBENCH_STORE, or ROBENCH_QUEUE if its broker cannot be used
   */
  async run(
    plan: Plan,
    rows: readonly ModelRow[],
    store: ResultStore,
    summary?: PlanSummary,
  ): Promise<Map<string, ErrorRecord>> {
    const { batchSize } = this.#resolved.loaded.suite
    const { workers, batchSizes } = this.#fit(rows)
    const { statesBatch = false } = this.#resolved.loaded
    const { threads, device, saveAdversarial, signal, listener, executor } = this.#settings
    // Of rows with the same model, the first names it.
    const models = new Map(
      rows.toReversed().flatMap(({ model }) => (model ? [[model.hash, model]] : [])),
    )
    const errors = await runUnits({
      plan,
      executor: this.#executor,
      store,
      setting: this.#setting(threads),
      batchSize: (hash) => batchSizes.get(hash) ?? batchSize,
      // An executor of the settings knows how many jobs it takes.
      lanes: executor ? this.#executor.size : workers,
      limits: this.#limits(),
      saveAdversarial,
      findsBatch: !usesProcessor(device) && !statesBatch,
      signal,
      model: (hash) => models.get(hash)!.reference,
      times: (hash) => models.get(hash)!.times,
      ...(summary && { likely: likelyShares(summary) }),
      listener,
    })
    throwIfAborted(signal)
    return errors
  }

  /** Stops the executor. */
  async close(): Promise<void> {
    await this.#executor.close()
  }

  /** Batches and workers that fit this machine. Other devices have memory of their own. */
  #fit(rows: readonly ModelRow[]): MemoryPlan {
    const { workers, executor, device } = this.#settings
    const { batchSize } = this.#resolved.loaded.suite
    const models = rows.flatMap(({ model }) => (model && usesProcessor(device) ? [model] : []))
    const availableBytes = executor ? Infinity : process.availableMemory()
    return fitMemory({ models, batchSize, workers, availableBytes })
  }

  #limits(): Pick<JobLimits, 'timeLimitMs' | 'stallLimitMs' | 'memoryBytes'> {
    const { loaded } = this.#resolved
    return { timeLimitMs: loaded.suite.timeLimitMs, ...pluginLimits(loaded) }
  }

  #setting(threads: number): Omit<JobSetting, 'plugins'> {
    const { dataset } = this.#resolved
    return {
      dataset: { id: dataset.id, sha256: dataset.hash },
      device: this.#settings.device,
      threads,
    }
  }

  async #withModel(
    row: ModelRow,
    file: ModelFile,
    completed?: ReadonlySet<string>,
  ): Promise<ModelRow> {
    const { device, threads, signal } = this.#settings
    let model: ExaminedModel
    try {
      const isSurveyed = (examined: ExaminedModel, threatModel: ThreatModel): boolean =>
        completed !== undefined &&
        // Nothing attacks a surrogate.
        !row.defense.surrogate &&
        this.plan([{ ...row, threatModel, model: examined }]).units.some(
          ({ id }) => !completed.has(id),
        )
      const session = { device, threads, signal, isSurveyed }
      model = await examineModel(file, row.defense, this.#resolved, session)
    } catch (error) {
      throw atPlace(row.defense.where, error)
    }
    requireModelClasses(this.#resolved, model.classes)
    this.#models[model.reference.sha256] = model.path
    const { label } = model.reference
    for (const remark of model.remarks) this.#settings.listener.notice?.(`${label}: ${remark}`)
    return { ...row, model }
  }

  /** The row with the model that its defense makes. */
  async #trained(row: ModelRow, threads: number): Promise<ModelRow> {
    const file = await this.#prepare(row, threads)
    if ('code' in file) throw fromErrorRecord(file)
    return this.#withModel(row, file)
  }

  /** Lets the defense make its model in a worker. */
  async #prepare(row: ModelRow, threads: number): Promise<ModelFile | ErrorRecord> {
    const { defense, threatModel, cacheKey } = row
    const { signal, listener } = this.#settings
    const outcome = await this.#executor.submit(
      {
        kind: 'prepare',
        setting: { ...this.#setting(threads), plugins: defense.packages },
        plugin: defense.plugin,
        options: defense.options,
        seed: defense.seed,
        threatModel,
        ...(cacheKey !== undefined && { cacheKey }),
        ...(namesFile(defense) && { readsFile: true }),
      },
      {
        ...this.#limits(),
        restartOnProgress: true,
        label: `defense "${defense.name}" (${defense.plugin})`,
        signal,
      },
      {
        message: (message) => {
          if (message.robench === 'training') listener.training?.(defense.name, message.training)
        },
        retry: (attempt) =>
          listener.notice?.(
            `defense "${defense.name}": the worker died; attempt ${attempt}` +
              (namesFile(defense) ? '' : ', from the last checkpoint'),
          ),
      },
    )
    if (outcome.state === 'failed') {
      this.#executor.failed?.throwIfAborted()
      return outcome.error
    }
    const folder = modelFolder(outcome.value.cacheKey)
    const file = await readCachedModel(folder)
    if (file) return file
    const message = `${folder}: the model that was just written cannot be read`
    return toErrorRecord(new RunError('ROBENCH_STORE', message))
  }
}

/** Puts the place in the suite before the message. Defects and interruptions stay as they are. */
function atPlace(where: string, error: unknown): unknown {
  const isPlain = !(error instanceof RobenchError) || error.code === 'ROBENCH_ABORTED'
  if (isPlain) return error
  const { code, message, details } = error
  return new RobenchError(code, `${where}: ${message}`, { details, cause: error })
}

/** Whether an option of the defense names a file. */
function namesFile({ options, pathOption }: ResolvedDefense): boolean {
  return pathOption !== undefined && options[pathOption] !== undefined
}

/** @throws RunError ROBENCH_ABORTED if the signal has stopped the run */
function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new RunError('ROBENCH_ABORTED', 'the run was interrupted')
}
