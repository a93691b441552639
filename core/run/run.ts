/** Runs a suite from plan to result; `planSuite` stops after the plan. */
import type { LoadedSuite } from '../suite/load.ts'
import { assembleResult } from './assemble.ts'
import { planRows } from './plan-summary.ts'
import type { PlanSummary } from './plan-summary.ts'
import { resolveSuite } from './resolve.ts'
import type { RunResult } from './result.ts'
import { runUnits } from './run-units.ts'
import { RunSession, refuseAborted } from './run-session.ts'
import type { RunListener, RunSettings } from './settings.ts'
import { ResultStore, readFinished, resultsFolder } from './store.ts'

export interface RunAnswer {
  readonly result: RunResult
  /** The folder of the results. */
  readonly folder: string
  readonly resultPath: string
  /** True if a cell or a defense failed. */
  readonly failed: boolean
}

/** The plan of a suite. Makes the models of defenses that need no training, to know their identity. @throws RobenchError for every mistake in the suite */
export async function planSuite(
  loaded: LoadedSuite,
  settings: RunSettings,
  listener: RunListener = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<PlanSummary> {
  const resolved = await resolveSuite(loaded, listener.notice)
  const session = new RunSession(resolved, settings, listener, signal)
  try {
    const rows = await session.findModels()
    const folder = resultsFolder(settings.results, { ...loaded.suite, sha256: loaded.sha256 })
    const finished = await readFinished(folder)
    return session.summarize(rows, folder, (id) => !settings.fresh && finished.has(id))
  } finally {
    await session.close()
  }
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
): Promise<RunAnswer> {
  const startedAt = new Date().toISOString()
  const resolved = await resolveSuite(loaded, listener.notice)
  const session = new RunSession(resolved, settings, listener, signal)
  let store: ResultStore | undefined
  try {
    const found = await session.findModels()
    const folder = resultsFolder(settings.results, { ...loaded.suite, sha256: loaded.sha256 })
    store = await ResultStore.open(folder, settings.fresh ? { fresh: true } : {})
    const kept = store
    listener.planned?.(session.summarize(found, folder, (id) => kept.has(id)))
    const { rows, failures } = await session.trainModels(found)
    const plan = planRows(resolved, rows, settings.device)
    const errors = await runUnits({
      plan,
      pool: session.pool,
      store,
      setting: session.setting(settings.threads),
      batchSize: loaded.suite.batchSize,
      timeLimitMs: loaded.suite.timeLimitMs,
      saveAdversarial: settings.saveAdversarial ?? false,
      signal,
      model: (hash) => rows.find(({ model }) => model?.hash === hash)!.model!.location,
      progress: (done, total) => listener.progress?.(done, total),
      failed: (what, error) => listener.failed?.(what, error),
      notice: (text) => listener.notice?.(text),
    })
    refuseAborted(signal)
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
