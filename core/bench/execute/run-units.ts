/** Runs the open units of a plan, clean predictions first, and saves each as it completes. */
import { fromErrorRecord, toErrorRecord } from '../../base/errors.ts'
import type { ErrorRecord } from '../../base/errors.ts'
import type { Unit } from '../plan/cell.ts'
import { cellId } from '../plan/cell.ts'
import { packagesOfCell } from '../plan/cell-packages.ts'
import { cleanUnitOf } from '../plan/plan.ts'
import type { Plan, PlannedAttack } from '../plan/plan.ts'
import type { ModelReference, PassTimes } from '../plan/model-row.ts'
import type { Executor, JobLimits } from './executor.ts'
import type { ResultStore } from '../store/store.ts'
import type { JobSetting } from './job.ts'
import type { RunListener } from './settings.ts'
import { RunProgress } from '../forecast/run-progress.ts'
import type { LikelyShare } from '../forecast/run-progress.ts'

/** A plan and what its units need. */
export interface UnitsRequest {
  readonly plan: Plan
  readonly executor: Executor
  readonly store: ResultStore
  /** Each unit gets the plugins of its cell. */
  readonly setting: Omit<JobSetting, 'plugins'>
  /** Examples per batch for the model with this hash. */
  batchSize(hash: string): number
  /** Jobs at the same time: at most the size of the executor. */
  readonly lanes: number
  readonly limits: Pick<JobLimits, 'timeLimitMs' | 'stallLimitMs' | 'memoryBytes'>
  readonly saveAdversarial: boolean
  /** Workers find larger batches by trying, on devices with memory of their own. */
  readonly findsBatch: boolean
  readonly signal: AbortSignal
  /** The model with the hash that a cell contains. */
  model(hash: string): ModelReference
  /** The times of the passes of that model. */
  times(hash: string): PassTimes
  /** What surveys make likely, by id of the cell. */
  readonly likely?: ReadonlyMap<string, LikelyShare>
  readonly listener: RunListener
}

/**
 * The host in the worker stops an attack that is too slow. A worker that hangs longer is killed.
 */
const graceMs = 5000

/**
 * Runs all open units. After a failure the other units of the cell are skipped; its completed units
 * stay saved.
 * @returns the error of each failed cell, by cell id
 * @throws RunError ROBENCH_STORE if a result cannot be saved; the reason of `executor.failed`. An
 * interruption does not throw; the
 * caller checks the signal.
 */
export async function runUnits(request: UnitsRequest): Promise<Map<string, ErrorRecord>> {
  const { plan, store, executor } = request
  const errors = faultsOf(request)
  const lanes = Math.min(request.lanes, executor.size)
  const work = new RunProgress(plan, (id) => store.outcome(id), {
    lanes,
    times: (hash) => request.times(hash),
    ...(request.likely && { likely: request.likely }),
    now: () => performance.now(),
  })
  const diskFailed = new AbortController()
  const ends = [request.signal, diskFailed.signal, executor.failed]
  const signal = AbortSignal.any(ends.filter((each) => each !== undefined))
  const report = (): void => request.listener.progress?.(work.shareDone, work.status)

  async function runOne(unit: Unit): Promise<void> {
    const cell = cellId(unit.cell)
    const clean = cleanUnitOf(unit)
    // An attack requires clean predictions; their failure is already recorded.
    const isSkipped = errors.has(cell) || (clean !== undefined && !store.has(clean.id))
    if (!signal.aborted && !isSkipped) {
      const cleanOutcomes = clean && store.outcome(clean.id)?.outcomes
      work.begin(unit)
      report()
      const error = await attempt({ ...request, signal }, unit, cleanOutcomes, (done, stage) => {
        work.advance(unit, done, stage)
        report()
      })
      if (error?.code === 'ROBENCH_STORE') diskFailed.abort(fromErrorRecord(error))
      else if (error && error.code !== 'ROBENCH_ABORTED' && !errors.has(cell)) {
        errors.set(cell, error)
        request.listener.failed?.(nameOf(plan, unit), error)
      }
    }
    // What an interruption leaves open is not done.
    if (signal.aborted && !store.has(unit.id)) return
    work.finish(unit, store.outcome(unit.id))
    report()
  }

  report()
  // The time left counts down between the reports of workers.
  const clock = setInterval(report, 1000)
  try {
    // Attacks require clean predictions. Probes do not, but they are short.
    for (const kinds of [['clean'], ['checks', 'attack']]) {
      const queue = inOrder(
        plan.units.filter((unit) => kinds.includes(unit.cell.kind) && isOpen(unit, store)),
      )
      const running = Array.from({ length: lanes }, async () => {
        for (let unit = queue.shift(); unit; unit = queue.shift()) await runOne(unit)
      })
      await Promise.all(running)
    }
  } finally {
    clearInterval(clock)
  }
  diskFailed.signal.throwIfAborted()
  executor.failed?.throwIfAborted()
  return errors
}

/** The errors of cells that fail without being run, reported. */
function faultsOf({ plan, listener }: UnitsRequest): Map<string, ErrorRecord> {
  const errors = new Map<string, ErrorRecord>()
  for (const { id, fault, units } of plan.rows.flatMap(({ attacks }) => attacks)) {
    if (!fault) continue
    errors.set(id, fault)
    if (units[0]) listener.failed?.(nameOf(plan, units[0]), fault)
  }
  return errors
}

/** Units of built-in plugins first: they share worker processes, and the others replace these. */
function inOrder(units: readonly Unit[]): Unit[] {
  const isBuiltIn = (unit: Unit): boolean => packagesOfCell(unit.cell).length === 0
  return [...units.filter(isBuiltIn), ...units.filter((unit) => !isBuiltIn(unit))]
}

/**
 * Whether a unit is to be run. A completed attack is reopened if its clean predictions were
 * computed again, after damage to their file, and came out differently, as on another machine.
 */
function isOpen(unit: Unit, store: ResultStore): boolean {
  const clean = cleanUnitOf(unit)
  const predicted = clean && store.outcome(clean.id)?.outcomes
  const attacked = store.outcome(unit.id)?.outcomes
  if (predicted !== undefined && attacked !== undefined) {
    const wrong = attacked.replaceAll(/[rb]/g, '1').replaceAll('w', '0')
    if (wrong !== predicted) store.reopen(unit.id)
  }
  return !store.has(unit.id)
}

/** Runs one unit and saves its outcome. @returns its error, if it failed */
async function attempt(
  request: UnitsRequest,
  unit: Unit,
  clean: string | undefined,
  progress: (done: number, stage?: string) => void,
): Promise<ErrorRecord | undefined> {
  const { executor, store, limits, signal } = request
  const what = nameOf(request.plan, unit)
  const { cell } = unit
  const result = await executor.submit(
    {
      kind: 'unit',
      setting: { ...request.setting, plugins: packagesOfCell(cell) },
      unit,
      model: request.model(cell.defense.model),
      ...('surrogates' in cell && {
        surrogates: surrogatesOf(cell).map((hash) => request.model(hash)),
      }),
      batchSize: Math.min(
        ...[cell.defense.model, ...surrogatesOf(cell)].map((hash) => request.batchSize(hash)),
      ),
      timeLimitMs: limits.timeLimitMs,
      ...(request.findsBatch && { findsBatch: true }),
      ...(clean === undefined ? {} : { clean }),
      ...(request.saveAdversarial && cell.kind === 'attack' ? { saveAdversarial: true } : {}),
    },
    {
      ...limits,
      graceMs,
      label: cell.kind === 'attack' ? `attack "${cell.attack.plugin}"` : 'the model',
      signal,
    },
    {
      message(message) {
        if (message.robench === 'examples') progress(message.done, message.stage)
        if (message.robench === 'batch') {
          const { label } = request.model(cell.defense.model)
          request.listener.notice?.(`${label}: batches of ${message.size} are fastest`)
        }
      },
      retry: (attemptNumber) =>
        request.listener.notice?.(
          `${what}: the worker died; attempt ${attemptNumber} with a smaller batch`,
        ),
    },
  )
  if (result.state === 'failed') return result.error
  try {
    await store.write(unit, result.value)
    return undefined
  } catch (error) {
    return toErrorRecord(error)
  }
}

/** Hashes of the other models that a cell needs. */
function surrogatesOf(cell: Unit['cell']): readonly string[] {
  return 'surrogates' in cell ? (cell.surrogates ?? []) : []
}

/** Name of a unit in messages: `defense "standard", attack "pgd", examples 0 to 499`. */
function nameOf(plan: Plan, unit: Unit): string {
  const id = cellId(unit.cell)
  const range = `examples ${unit.shard.start} to ${unit.shard.end - 1}`
  for (const { name, clean, checks, attacks } of plan.rows) {
    if (clean.id === id) return `defense "${name}", clean predictions, ${range}`
    if (checks?.id === id) return `defense "${name}", reliability checks, ${range}`
    const attack: PlannedAttack | undefined = attacks.find((planned) => planned.id === id)
    if (attack) {
      const plugin = attack.cell.attack.plugin
      const called = attack.name === plugin ? `"${plugin}"` : `"${attack.name}" (${plugin})`
      return `defense "${name}", attack ${called}, ${range}`
    }
  }
  return range
}
