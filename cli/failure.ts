/** Error output and exit codes of the program. */
import { CommanderError } from 'commander'
import picocolors from 'picocolors'
import { RobenchError } from '../core/base/errors.ts'
import { isRefusal, refusalError } from '../core/bench/queue/broker-faults.ts'
import { forTerminal } from './terminal-text.ts'
import { printable } from '../reports/theme/printable.ts'

/** Exit codes; `robench --help` documents them. */
export const exitCodes = {
  success: 0,
  /** The run finished, but an attack, defense, or training failed. */
  failures: 1,
  /** The command line, a suite, an option, a file, or the environment is wrong. */
  usage: 2,
  /** A bug in robench. */
  internal: 3,
  /** Stopped by Ctrl-C: 128 + SIGINT, as shells expect. */
  interrupted: 130,
} as const

/**
 * Prints an error. The stack is printed with `debug`, and always for internal errors.
 * @returns the exit code
 */
export function reportFailure(
  error: unknown,
  stderr: NodeJS.WritableStream & { readonly isTTY?: boolean },
  options: { readonly debug: boolean },
): number {
  const thrown = isRefusal(error) ? refusalError(error, '--queue') : error
  // commander has already printed its message.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitCodes.usage
  const system = systemMessage(thrown)
  const isKnown = thrown instanceof RobenchError && thrown.code !== 'ROBENCH_INTERNAL'
  const expected = isKnown || system !== undefined
  const message = shortened(system ?? (thrown instanceof Error ? thrown.message : String(thrown)))
  const shown = forTerminal(`error: ${printable(message)}\n`, stderr)
  stderr.write(shown.replace('error', picocolors.red('error')))
  if (thrown instanceof Error && (options.debug || !expected))
    stderr.write(`${printable(thrown.stack ?? '')}\n`)
  if (!expected) {
    stderr.write('This is a bug in robench. Please report it with the output above.\n')
    return exitCodes.internal
  }
  return isKnown && thrown.code === 'ROBENCH_ABORTED' ? exitCodes.interrupted : exitCodes.usage
}

/**
 * The message of an error of the operating system, place first: `loop: too many symbolic links
 * encountered (ELOOP)`. Undefined for other errors: a file that cannot be read is no bug.
 */
function systemMessage(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('syscall' in thrown) || !('code' in thrown)) return undefined
  const place = 'path' in thrown ? `${String(thrown.path)}: ` : ''
  const what = /^[A-Z0-9]+: ([^,]+),/.exec(thrown.message)?.[1] ?? thrown.message
  return `${place}${what} (${String(thrown.code)})`
}

/** Most characters of a message that are printed: it may repeat a part of a file. */
const mostPrinted = 20_000

function shortened(message: string): string {
  if (message.length <= mostPrinted) return message
  return `${message.slice(0, mostPrinted)}… (${message.length} characters in all)`
}
