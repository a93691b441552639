#!/usr/bin/env node
/** The entry point of the command `robench`. */
import { exitCodes, reportFailure } from './failure.ts'
import { createProgram } from './program.ts'
import { storeError } from '../core/base/atomic-file.ts'

/** How long open handles may delay the exit, in ms. */
const lingerMs = 2000

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader closed the pipe, as `| head` does.
  if (error.code === 'EPIPE') process.exit(exitCodes.success)
  process.exit(
    reportFailure(storeError('standard output', error), process.stderr, { debug: false }),
  )
})

const program = createProgram()
try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = reportFailure(error, process.stderr, {
    debug: process.argv.includes('--debug'),
  })
}
setTimeout(() => process.exit(), lingerMs).unref()
