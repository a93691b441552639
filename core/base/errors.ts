/** The errors that robench throws: one class per party that must act, one table of codes. */
import { distance } from 'fastest-levenshtein'

/** All error codes and their meanings. Codes are stable; messages are not. */
export const errorCodes = {
  ROBENCH_CONFIG: 'a suite, an option or a command line is invalid',
  ROBENCH_DATA: 'a data file is missing, damaged or in an unexpected format',
  ROBENCH_DATA_UNAVAILABLE: 'no source of a data set is reachable',
  ROBENCH_MODEL_FILE: 'a file is not an ONNX model that can be evaluated',
  ROBENCH_MODEL_OUTPUT: 'a model returned a wrong shape or non-finite values',
  ROBENCH_GRAPH: 'a graph is malformed: wrong shape, element type or attribute',
  ROBENCH_NO_GRADIENT: 'an operator on the path to the gradient has no derivative rule',
  ROBENCH_PLUGIN_CONTRACT: 'a plugin violates the contract',
  ROBENCH_PLUGIN_FAILED: 'a plugin threw an error',
  ROBENCH_PLUGIN_ANSWER: 'a plugin returned adversarial examples that break the threat model',
  ROBENCH_BUDGET: 'an attack requested more passes than its budget allows',
  ROBENCH_TIMEOUT: 'a cell exceeded its time limit',
  ROBENCH_WORKER: 'a worker process died',
  ROBENCH_DEVICE: 'a device does not work on this machine',
  ROBENCH_QUEUE: 'a queue cannot be reached, or a message of it cannot be used',
  ROBENCH_STORE: 'a directory of results, data or models cannot be read or written',
  ROBENCH_ABORTED: 'the run was interrupted',
  ROBENCH_INTERNAL: 'a bug in robench',
} as const

/** A code of the table. */
export type ErrorCode = keyof typeof errorCodes

/** An error as plain data, for other processes and for the store. */
export interface ErrorRecord {
  readonly code: ErrorCode
  readonly name: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}

/**
 * The base class of robench's errors. Messages say where, what was expected, what was found, and
 * what to do.
 */
export class RobenchError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.details = options.details ?? {}
  }
}

/** The user's suite, options or files are invalid: exit code 2. */
export class ConfigError extends RobenchError {}

/** A plugin violated its contract; `details.pluginId` names it. */
export class PluginError extends RobenchError {}

/** A graph cannot be built, run or differentiated; `details` has `op` and `node` if known. */
export class GraphError extends RobenchError {}

/** The environment failed: disk, process, time limit. */
export class RunError extends RobenchError {}

/** Converts anything thrown to plain data. */
export function toErrorRecord(thrown: unknown): ErrorRecord {
  if (thrown instanceof RobenchError) {
    return {
      code: thrown.code,
      name: thrown.name,
      message: thrown.message,
      details: thrown.details,
    }
  }
  if (thrown instanceof Error) {
    return { code: 'ROBENCH_INTERNAL', name: thrown.name, message: thrown.message }
  }
  return { code: 'ROBENCH_INTERNAL', name: 'Error', message: String(thrown) }
}

/** The error of a record, to be thrown in this process. */
export function fromErrorRecord({ code, message, details = {} }: ErrorRecord): RobenchError {
  return new RobenchError(code, message, { details })
}

/**
 * `; did you mean "…"?` for the candidate most similar to a word, or an empty string. Similar: at
 * most a third of the letters differ, or the letters are the same in another order. Case does not
 * count.
 */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const [best] = candidates.toSorted((a, b) => difference(word, a) - difference(word, b))
  if (best === undefined) return ''
  const allowed = Math.max(1, Math.floor(Math.max(word.length, best.length) / 3))
  return difference(word, best) <= allowed ? `; did you mean "${best}"?` : ''
}

/** Letters that differ; another order of the same letters counts as one. −1 for the same word. */
function difference(word: string, candidate: string): number {
  if (word === candidate) return -1
  const [typed, meant] = [word.toLowerCase(), candidate.toLowerCase()]
  if (typed === meant) return 0
  return sorted(typed) === sorted(meant) ? 1 : distance(typed, meant)
}

function sorted(word: string): string {
  return [...word].toSorted().join('')
}
