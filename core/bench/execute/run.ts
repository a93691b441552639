/** Runs a suite from plan to result; `planSuite` stops after the plan. */
import type { LoadedSuite } from '../suite/load.ts'
import { assembleResult } from './assemble.ts'
import { expectedWork, isForeseeable } from '../forecast/expected-passes.ts'
import type { Expectations, ExpectedWork } from '../forecast/expected-passes.ts'
import { measuredUnits } from '../forecast/measured.ts'
import type { ModelRow } from './models.ts'
import { pilotUnits } from '../forecast/pilot.ts'
import type { PlanSummary } from '../forecast/plan-summary.ts'
import { resolveSuite } from '../plan/resolve.ts'
import type { RunResult } from '../result/result.ts'
import { RunSession } from './run-session.ts'
import type { RunListener, RunSettings } from './settings.ts'
import { ResultStore, readFinished, resultsFolder } from '../store/store.ts'
import type { UnitOutcome } from '../store/store.ts'

export interface SuiteRun {
  readonly result: RunResult
  /** The folder of the results. */
  readonly folder: string
  readonly resultPath: string
  /** True if a cell or a defense failed. */
  readonly failed: boolean
}

export interface PlanRequest extends Omit<Expectations, 'finished'> {
  /** Do the units first that tell what the others take, so many examples of every dear attack. They stay for the run. */
  readonly pilot?: number
}

export interface PlannedSuite {
  readonly plan: PlanSummary
  /** Absent if nothing is known or assumed of what the suite will find. */
  readonly expected?: ExpectedWork
}

/**
 * The plan of a suite. Makes the models of defenses that need no training, to know their identity; with a pilot run, all.
 * @throws RobenchError for every mistake in the suite
 */
export async function planSuite(
  loaded: LoadedSuite,
  settings: RunSettings,
  { pilot, ...expectations }: PlanRequest = {},
  listener: RunListener = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<PlannedSuite> {
  const resolved = await resolveSuite(loaded, listener.notice)
  const session = new RunSession(resolved, settings, listener, signal)
  try {
    let rows = await session.findModels()
    const folder = resultsFolder(settings.results, { ...loaded.suite, sha256: loaded.sha256 })
    if (pilot !== undefined) {
      const store = await ResultStore.open(folder, settings.fresh ? { fresh: true } : {})
      try {
        rows = (await session.trainModels(rows)).rows
        const plan = session.plan(rows)
        const units = pilotUnits(plan, pilot)
        listener.notice?.(
          `a pilot run does ${units.length} of ${plan.units.length} units; the run will skip these`,
        )
        await session.run({ ...plan, units }, rows, store)
      } finally {
        await store.close()
      }
    }
    const ignored = settings.fresh && pilot === undefined
    const finished = ignored ? new Map<string, UnitOutcome>() : await readFinished(folder)
    return foresee(session, rows, folder, (id) => finished.get(id), expectations)
  } finally {
    await session.close()
  }
}

/** A plan with what is to be expected of it, as far as that is known. */
function foresee(
  session: RunSession,
  rows: readonly ModelRow[],
  folder: string,
  outcome: (unitId: string) => UnitOutcome | undefined,
  expectations: Expectations = {},
): PlannedSuite {
  const cells = session.plan(rows)
  const plan = session.summarize(cells, rows, {
    folder,
    isDone: (id) => outcome(id) !== undefined,
  })
  const finished = measuredUnits(cells, outcome)
  const { like, robustAccuracies = {} } = expectations
  const isAsked = like !== undefined || Object.keys(robustAccuracies).length > 0
  if (!isAsked && !isForeseeable(plan, finished)) return { plan }
  return { plan, expected: expectedWork(plan, { ...expectations, finished }) }
}

/**
 * Runs a suite: skips what is finished, keeps what it finishes.
 * @throws RobenchError for every mistake in the suite, before anything is computed; RunError ROBENCH_ABORTED
 * if the signal stopped it, ROBENCH_STORE if results cannot be kept
 */
export async function runSuite(
  loaded: LoadedSuite,
  settings: RunSettings,
  listener: RunListener = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<SuiteRun> {
  const startedAt = new Date().toISOString()
  const resolved = await resolveSuite(loaded, listener.notice)
  const session = new RunSession(resolved, settings, listener, signal)
  let store: ResultStore | undefined
  try {
    const found = await session.findModels()
    const folder = resultsFolder(settings.results, { ...loaded.suite, sha256: loaded.sha256 })
    const { fresh = false, saveAdversarial = false } = settings
    store = await ResultStore.open(folder, { fresh, adversarials: saveAdversarial })
    const kept = store
    const { plan: summary, expected } = foresee(session, found, folder, (id) => kept.outcome(id))
    listener.planned?.(summary, expected)
    const { rows, failures } = await session.trainModels(found)
    const plan = session.plan(rows)
    const errors = await session.run(plan, rows, store)
    const result = assembleResult({
      resolved,
      rows,
      plan,
      errors,
      failures,
      outcome: (id) => kept.outcome(id),
      startedAt,
      finishedAt: new Date().toISOString(),
      device: settings.device,
      workers: settings.workers,
      ...(settings.command === undefined ? {} : { command: settings.command }),
    })
    const text = `${JSON.stringify(result, undefined, 1)}\n`
    const resultPath = await store.writeFile('result.json', text)
    return { result, folder, resultPath, failed: errors.size > 0 || failures.length > 0 }
  } finally {
    await session.close()
    await store?.close()
  }
}
