/** Every error robench raises on purpose: one class per who must act, one table of codes. */
import { closest, distance } from 'fastest-levenshtein'

/** All codes, with what each means. A code is stable; the message around it is not. */
export const errorCodes = {
  ROBENCH_CONFIG: 'a suite, an option or a command line is wrong',
  ROBENCH_DATA: 'a data file is missing, damaged or not of the form stated',
  ROBENCH_DATA_UNAVAILABLE: 'no source of a data set could be reached',
  ROBENCH_MODEL_FILE: 'a file is no ONNX model, or none that can be evaluated',
  ROBENCH_MODEL_OUTPUT: 'a model answered with a wrong shape or with values that are not finite',
  ROBENCH_GRAPH: 'a graph is malformed: wrong shape, dtype or attribute',
  ROBENCH_NO_GRADIENT: 'an operator on the path to the gradient has no derivative rule',
  ROBENCH_PLUGIN_CONTRACT: 'a plugin does not fulfil the contract',
  ROBENCH_PLUGIN_FAILED: 'a plugin threw an error',
  ROBENCH_PLUGIN_ANSWER: 'a plugin returned adversarial examples that break the threat model',
  ROBENCH_BUDGET: 'an attack asked for more passes than its budget allows',
  ROBENCH_TIMEOUT: 'a cell exceeded its time limit',
  ROBENCH_WORKER: 'a worker process died',
  ROBENCH_STORE: 'a folder of results, data or models cannot be read or written',
  ROBENCH_ABORTED: 'the run was interrupted',
  ROBENCH_INTERNAL: 'a defect in robench',
} as const

export type ErrorCode = keyof typeof errorCodes

/** An error as plain data: what crosses a process border and what the store keeps. */
export interface ErrorRecord {
  readonly code: ErrorCode
  readonly name: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** The base of all errors that robench raises on purpose. The message says where, what was expected, what came, and what to do. */
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

/** The user's suite, options or files are wrong: exit code 2. */
export class ConfigError extends RobenchError {}

/** A plugin broke its contract; `details.pluginId` names it. */
export class PluginError extends RobenchError {}

/** A graph cannot be built, run or differentiated; `details` carries `op` and `node` where known. */
export class GraphError extends RobenchError {}

/** The environment failed: disk, process, time limit. */
export class RunError extends RobenchError {}

/** Turns anything thrown into plain data that survives a process border. */
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

/** The error that a record stands for, so that it can be thrown on this side of a process border. */
export function fromErrorRecord({ code, message, details = {} }: ErrorRecord): RobenchError {
  return new RobenchError(code, message, { details })
}

/**
 * `; did you mean "…"?` for a word near one of the candidates, or an empty string.
 * Near: at most a third of the letters differ, or the letters are the same in another order.
 */
export function didYouMean(word: string, candidates: readonly string[]): string {
  if (candidates.length === 0) return ''
  const best = closest(word, [...candidates])
  const allowed = Math.max(1, Math.floor(Math.max(word.length, best.length) / 3))
  const [typed, meant] = [word.toLowerCase(), best.toLowerCase()]
  const isNear = distance(typed, meant) <= allowed || sorted(typed) === sorted(meant)
  return isNear ? `; did you mean "${best}"?` : ''
}

function sorted(word: string): string {
  return [...word].toSorted().join('')
}
