/** What the program says and returns when something goes wrong. */
import { CommanderError } from 'commander'
import picocolors from 'picocolors'
import { RobenchError } from '../core/base/errors.ts'

/** What the program returns to the shell. */
export const exitCodes = {
  done: 0,
  /** The run finished, but cells failed. */
  failedCells: 1,
  /** A command line, suite, option, file or the environment is wrong. */
  usage: 2,
  /** A defect in robench. */
  internal: 3,
  /** Stopped by Ctrl-C, as shells expect it: 128 + SIGINT. */
  interrupted: 130,
} as const

/**
 * Prints what was thrown, for people: the message alone if robench raised it on purpose, with a stack if `debug`
 * or if it is a defect.
 * @returns the exit code
 */
export function reportFailure(
  thrown: unknown,
  stderr: NodeJS.WritableStream,
  options: { readonly debug: boolean },
): number {
  // commander has already printed its message.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitCodes.usage
  const expected = thrown instanceof RobenchError && thrown.code !== 'ROBENCH_INTERNAL'
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  stderr.write(`${picocolors.red('error')}: ${message}\n`)
  if (thrown instanceof Error && (options.debug || !expected)) stderr.write(`${thrown.stack}\n`)
  if (!expected) {
    stderr.write('This is a defect in robench; please report it with the lines above.\n')
    return exitCodes.internal
  }
  return thrown.code === 'ROBENCH_ABORTED' ? exitCodes.interrupted : exitCodes.usage
}
