/** Runs a suite for a command: plan, progress, interruption, table, and report. */
import { join } from 'node:path'
import { writeHtmlReport } from '../reports/html.ts'
import { formatTable } from '../reports/text.ts'
import picocolors from 'picocolors'
import { writeFileAtomic } from '../core/base/atomic-file.ts'
import { RobenchError, RunError } from '../core/base/errors.ts'
import { countOf } from '../core/base/figures.ts'
import { runPart } from '../core/bench/execute/run-part.ts'
import { runSuite } from '../core/bench/execute/run.ts'
import type { RunListener, SuiteRun } from '../core/bench/execute/settings.ts'
import { parsePart } from '../core/bench/forecast/part.ts'
import type { RunQueue } from '../core/bench/queue/open.ts'
import type { LoadedSuite } from '../core/bench/suite/load.ts'
import { commandLine, runSettings, terminalWidth } from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { exitCodes } from './failure.ts'
import { missedGates } from './gates.ts'
import type { GateOptions } from './gates.ts'
import { openDisplay } from './progress.ts'
import { jsonText, printable } from '../reports/theme/printable.ts'

/** Opens a queue. It gets where notices go. */
export type QueueOpener = (notice: (text: string) => void) => Promise<RunQueue>

/**
 * Runs a suite, writes its HTML report, and prints the table. With `json`, standard output contains
 * the result and nothing else.
 * @param words the command line after `robench`; recorded in the result and shown to resume the run
 * @param queue opens the queue that runs the jobs; default: worker processes of this machine
 * @returns the exit code
 */
export async function execute(
  loaded: LoadedSuite,
  options: RunOptions & GateOptions,
  words: readonly string[],
  queue?: QueueOpener,
): Promise<number> {
  const display = openDisplay(process.stderr, options)
  const opened = await queue?.((text) => display.notice(text))
  const remote = opened && { executor: opened.executor, workers: opened.slots }
  const settings = {
    ...runSettings(options),
    ...remote,
    command: commandLine(['robench', ...words]),
  }
  const listener: RunListener = {
    ...display,
    async completed(run) {
      display.stop()
      await presentRun(run, options)
    },
  }
  try {
    const run = await interruptible(
      (signal) => runSuite(loaded, { ...settings, listener, signal }),
      display,
      words,
    )
    const missed = missedGates(run.result, options)
    for (const text of missed) process.stderr.write(`gate missed: ${printable(text)}\n`)
    return run.failed || missed.length > 0 ? exitCodes.failures : exitCodes.success
  } finally {
    await opened?.close()
  }
}

/** Writes the HTML report of a run, and prints its table, or its result with `json`. */
export async function presentRun(
  run: SuiteRun,
  { json }: { readonly json?: boolean },
): Promise<void> {
  const reportPath = join(run.folder, 'report.html')
  await writeFileAtomic(reportPath, writeHtmlReport(run.result))
  if (json) process.stdout.write(`${jsonText(run.result)}\n`)
  else printTable(run, reportPath)
}

/**
 * Runs one shard of a suite, and prints where its results are.
 * @param words as for `execute`
 * @returns the exit code
 */
export async function executeShard(
  loaded: LoadedSuite,
  options: RunOptions & { readonly shard: string },
  words: readonly string[],
): Promise<number> {
  const part = parsePart(options.shard, '--shard')
  const display = openDisplay(process.stderr, options)
  const run = await interruptible(
    (signal) => runPart(loaded, { ...runSettings(options), part, listener: display, signal }),
    display,
    words,
  )
  const { folder, units, errors } = run
  const shard = `${part.index}/${part.count}`
  const failed = [...errors].map(([cell, error]) => ({ cell, error }))
  if (options.json) {
    process.stdout.write(`${jsonText({ shard, folder, units, failed })}\n`)
  } else {
    const next = commandLine(['robench', 'merge', options.results])
    process.stdout.write(`shard ${shard}  ${countOf(units, 'chunk')} in ${folder}\n`)
    process.stdout.write(`when all ${part.count} shards are done: ${next}\n`)
  }
  return errors.size > 0 ? exitCodes.failures : exitCodes.success
}

/**
 * Runs `work` with a signal that Ctrl-C aborts: the first press stops after the current batches,
 * the second exits immediately. Completed work is saved in both cases.
 * @throws RunError ROBENCH_ABORTED with the command that resumes the work
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  display: RunListener & { stop(): void },
  words: readonly string[],
): Promise<T> {
  const controller = new AbortController()
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted)
    display.notice?.('stopping after the current batch; press Ctrl-C again to stop immediately')
    controller.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  try {
    return await work(controller.signal)
  } catch (error) {
    if (!(error instanceof RobenchError) || error.code !== 'ROBENCH_ABORTED') throw error
    const again = commandLine(['robench', ...words.filter((word) => word !== '--fresh')])
    throw new RunError(
      'ROBENCH_ABORTED',
      `interrupted; completed work is saved. Resume with:\n  ${again}`,
    )
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
    display.stop()
  }
}

function printTable({ result, resultPath }: SuiteRun, reportPath: string): void {
  const { stdout } = process
  const color = picocolors.isColorSupported && stdout.isTTY
  stdout.write(`${formatTable(result, { color, width: terminalWidth() })}\n`)
  stdout.write(`result  ${resultPath}\nreport  ${reportPath}\n`)
}
