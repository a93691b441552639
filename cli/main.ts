#!/usr/bin/env node
/** The entry of the command `robench`. */
import { exitCodes, reportFailure } from './failure.ts'
import { createProgram } from './program.ts'

/** How long something left behind may hold up the end, in ms. */
const lingerMs = 2000

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has gone, as `| head` does: nobody is left to tell.
  if (error.code === 'EPIPE') process.exit(exitCodes.done)
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
