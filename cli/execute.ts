/** Runs a suite for a command: plan, progress, interruption, table and report. */
import { join } from 'node:path'
import { writeHtmlReport } from '../reports/html.ts'
import { formatTable } from '../reports/text.ts'
import picocolors from 'picocolors'
import { writeFileAtomic } from '../core/base/atomic-file.ts'
import { RobenchError, RunError } from '../core/base/errors.ts'
import { runSuite } from '../core/bench/execute/run.ts'
import type { SuiteRun } from '../core/bench/execute/run.ts'
import type { RunListener } from '../core/bench/execute/settings.ts'
import type { LoadedSuite } from '../core/bench/suite/load.ts'
import { commandLine, runSettings } from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { exitCodes } from './failure.ts'
import { progressDisplay } from './progress.ts'

/**
 * Runs and prints. With `json` the result goes to standard output and nothing else does.
 * @param words the command line after `robench`, for the result and for what to type to go on
 * @returns the exit code
 */
export async function execute(
  loaded: LoadedSuite,
  options: RunOptions,
  words: readonly string[],
): Promise<number> {
  const display = progressDisplay(process.stderr)
  const settings = { ...runSettings(options), command: commandLine(['robench', ...words]) }
  const answer = await interruptible(
    (signal) => runSuite(loaded, { ...settings, listener: display, signal }),
    display,
    words,
  )
  const reportPath = join(answer.folder, 'report.html')
  await writeFileAtomic(reportPath, writeHtmlReport(answer.result))
  if (options.json) process.stdout.write(`${JSON.stringify(answer.result, undefined, 2)}\n`)
  else printTable(answer, reportPath)
  return answer.failed ? exitCodes.failedCells : exitCodes.done
}

/** Ctrl-C once stops after the batches at work; twice stops at once. What is finished is kept either way. */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  display: RunListener & { stop(): void },
  words: readonly string[],
): Promise<T> {
  const controller = new AbortController()
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted)
    display.notice?.('stopping; press Ctrl-C again to stop at once')
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
      `interrupted; what is finished is kept. To go on: ${again}`,
    )
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
    display.stop()
  }
}

function printTable({ result, resultPath }: SuiteRun, reportPath: string): void {
  const { stdout } = process
  stdout.write(`${formatTable(result, { color: picocolors.isColorSupported && stdout.isTTY })}\n`)
  stdout.write(`result  ${resultPath}\nreport  ${reportPath}\n`)
}
