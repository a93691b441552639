#!/usr/bin/env node
/** The entry point of the command `robench`. */
import { exitCodes, reportFailure } from './failure.ts'
import { storeError } from '../core/base/atomic-file.ts'
import { diskReason } from '../core/base/disk.ts'
import { ConfigError } from '../core/base/errors.ts'

/** How long open handles may delay the exit, in ms. */
const lingerMs = 2000

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader closed the pipe, as `| head` does.
  if (error.code === 'EPIPE') process.exit(exitCodes.success)
  process.exit(
    reportFailure(storeError('standard output', error), process.stderr, { debug: false }),
  )
})

// The reader may close standard error early, as `2>&1 | head` does. The run continues.
process.stderr.on('error', () => undefined)

try {
  const { createProgram } = await loadProgram()
  await createProgram().parseAsync()
} catch (error) {
  process.exitCode = reportFailure(error, process.stderr, {
    debug: process.argv.includes('--debug'),
  })
}
setTimeout(() => process.exit(), lingerMs).unref()

/**
 * Imports the commands. Node opens their files all at once, about 200; where it cannot, it reports
 * that files are not found.
 */
async function loadProgram(): Promise<typeof import('./program.ts')> {
  try {
    return await import('./program.ts')
  } catch (error) {
    const isLimited = mostOpenFiles() < 1000
    const reason = diskReason(isLimited ? { code: 'EMFILE' } : error)?.reason
    if (reason === undefined) throw error
    throw new ConfigError('ROBENCH_CONFIG', `robench cannot be loaded: ${reason}`)
  }
}

/** The limit on open files of this process; infinite where there is none. */
function mostOpenFiles(): number {
  const report: unknown = process.report.getReport()
  const { userLimits } = report as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } }
  }
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : Infinity
}
