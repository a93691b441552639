#!/usr/bin/env node
/** The entry point of the command `robench`. */
import { exitCodes, reportFailure } from './failure.ts'
import { createProgram } from './program.ts'

/** How long open handles may delay the exit, in ms. */
const lingerMs = 2000

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader closed the pipe, as `| head` does.
  if (error.code === 'EPIPE') process.exit(exitCodes.success)
  throw error
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
