/** Runs a suite from plan to result; `planSuite` stops after the plan. */
import { fromErrorRecord } from '../../base/errors.ts'
import { expectedWork } from '../forecast/expected-passes.ts'
import type { Expectations, ExpectedWork } from '../forecast/expected-passes.ts'
import { shardsOfPlan } from '../forecast/completed-shards.ts'
import { pilotUnits } from '../forecast/pilot.ts'
import type { PlanSummary } from '../forecast/plan-summary.ts'
import type { ModelRow } from '../plan/model-row.ts'
import { resolveSuite } from '../plan/resolve.ts'
import type { ResolvedSuite } from '../plan/resolve.ts'
import { ResultStore, namedUnits, readCompleted } from '../store/store.ts'
import type { UnitOutcome } from '../store/unit-outcome.ts'
import { requireLoaded } from '../suite/load.ts'
import type { LoadedSuite } from '../suite/load.ts'
import { runEnvironment } from './assemble.ts'
import { RunSession } from './run-session.ts'
import { runSettings } from './settings.ts'
import type { RunListener, RunOptions, SuiteRun } from './settings.ts'
import { writeResult } from './write-result.ts'

/** How to plan a suite. */
export interface PlanOptions extends RunOptions, Omit<Expectations, 'completed'> {
  /**
   * Runs part of the work first: cheap attacks on all examples, every other attack on this many
   * examples. The forecast rests on it, and a later run skips it.
   */
  readonly pilot?: number
}

/** A plan, and a forecast of its cost. */
export interface PlannedSuite {
  readonly plan: PlanSummary
  /** Absent while a model is still to be trained, without `like` and `robustAccuracies`. */
  readonly expected?: ExpectedWork
}

/**
 * Checks all that a run checks before its first attack: the suite, its plugins and data, and each
 * model that needs no training, which is loaded and tried.
 * @throws RobenchError for every mistake that a run would report
 */
export async function checkSuiteAndModels(
  loaded: LoadedSuite,
  options: RunOptions = {},
): Promise<ResolvedSuite> {
  const settings = await runSettings(options, 'checkSuiteAndModels')
  settings.listener.loading?.('data')
  const resolved = await resolveSuite(loaded, settings.listener.notice)
  const session = new RunSession(resolved, settings)
  try {
    const faulty = resolved.attacks.find(({ fault }) => fault)
    if (faulty?.fault) throw fromErrorRecord(faulty.fault)
    await session.findModels()
    return resolved
  } finally {
    await session.close()
  }
}

/**
 * Plans a suite. Prepares models that need no training, because cells contain their hashes; a pilot
 * run trains the others, too.
 * @throws RobenchError for every mistake in the suite
 */
export async function planSuite(
  loaded: LoadedSuite,
  options: PlanOptions = {},
): Promise<PlannedSuite> {
  requireLoaded(loaded, 'planSuite')
  const settings = await runSettings(options, 'planSuite', ['pilot', 'like', 'robustAccuracies'])
  const { pilot, like, robustAccuracies } = options
  const { listener, fresh } = settings
  listener.loading?.('data')
  const resolved = await resolveSuite(loaded, listener.notice)
  for (const { name, fault } of resolved.attacks) {
    if (fault) listener.notice?.(`attack "${name}" will fail: ${fault.message}`)
  }
  const session = new RunSession(resolved, settings)
  try {
    let rows = await session.findModels(await idsOf(session, fresh))
    if (pilot !== undefined) {
      const store = await ResultStore.open(session.folder, { fresh })
      try {
        rows = (await session.trainModels(rows)).rows
        const plan = session.plan(rows)
        const units = pilotUnits(plan, pilot)
        listener.notice?.(
          `the pilot runs ${units.length} of ${plan.units.length} chunks; a later run skips them`,
        )
        await session.run({ ...plan, units }, rows, store)
      } finally {
        await store.close()
      }
    }
    const isIgnored = fresh && pilot === undefined
    const completed = isIgnored
      ? new Map<string, UnitOutcome>()
      : await readCompleted(session.folder)
    return summarize(session, rows, (id) => completed.get(id), {
      ...(like && { like }),
      ...(robustAccuracies && { robustAccuracies }),
    })
  } finally {
    await session.close()
  }
}

/** Ids of the units that a run skips, as far as the names of files tell. */
async function idsOf({ folder }: RunSession, fresh: boolean): Promise<ReadonlySet<string>> {
  return fresh ? new Set() : namedUnits(folder)
}

/** A plan with a forecast: by completed units, an earlier run, assumptions, or surveys. */
function summarize(
  session: RunSession,
  rows: readonly ModelRow[],
  outcome: (unitId: string) => UnitOutcome | undefined,
  expectations: Expectations = {},
): PlannedSuite {
  const cells = session.plan(rows)
  const plan = session.summarize(cells, rows, (id) => outcome(id) !== undefined)
  const completed = shardsOfPlan(cells, outcome)
  const { like, robustAccuracies = {} } = expectations
  const isRequested = like !== undefined || Object.keys(robustAccuracies).length > 0
  if (!isRequested && plan.etaMs === undefined) return { plan }
  return { plan, expected: expectedWork(plan, { ...expectations, completed }) }
}

/**
 * Runs a suite. Skips saved chunks, and saves each chunk as soon as it completes.
 * @throws RobenchError for every mistake in the suite, before anything is computed; RunError
 * ROBENCH_ABORTED if the signal stopped it, ROBENCH_STORE if results cannot be saved
 */
export async function runSuite(loaded: LoadedSuite, options: RunOptions = {}): Promise<SuiteRun> {
  const startedAt = new Date().toISOString()
  requireLoaded(loaded, 'runSuite')
  const settings = await runSettings(options, 'runSuite')
  const { listener, fresh, saveAdversarial, device, workers, command } = settings
  listener.loading?.('data')
  const resolved = await resolveSuite(loaded, listener.notice)
  const session = new RunSession(resolved, settings)
  let store: ResultStore | undefined
  try {
    const found = await session.findModels(await idsOf(session, fresh))
    const { folder } = session
    store = await ResultStore.open(folder, { fresh, adversarials: saveAdversarial })
    const saved = store
    noteDamage(saved, listener)
    const outcome = (id: string): UnitOutcome | undefined => saved.outcome(id)
    const { plan: summary, expected } = summarize(session, found, outcome)
    listener.planned?.(summary, expected)
    const { rows, failures } = await session.trainModels(found)
    const plan = session.plan(rows)
    const errors = await session.run(plan, rows, store, summary)
    const run = await writeResult(store, {
      resolved,
      rows,
      plan,
      errors,
      failures,
      startedAt,
      environment: await runEnvironment(device, workers),
      ...(command === undefined ? {} : { command }),
      saveAdversarial,
    })
    await listener.completed?.(run)
    return run
  } finally {
    await store?.close()
    await session.close()
  }
}

/** Says which saved chunks cannot be used and run again. */
export function noteDamage({ damaged }: ResultStore, { notice }: RunListener): void {
  const [first, ...others] = damaged
  if (first === undefined) return
  const more = others.length > 0 ? ` (and ${others.length} more)` : ''
  notice?.(`${first}${more}; what is missing runs again`)
}
