/** Contains third-party code in a process: its exits and late errors become errors of its call. */
import { PluginError } from '../base/errors.ts'
import { reasonOf } from './blame.ts'

/** Frames of a stack: enough to reach the plugin's through those of robench and onnxruntime. */
const stackDepth = 50

/** A process that runs plugins. */
export interface Containment {
  /**
   * Calls third-party code. Rejects, too, if the code calls `process.exit`, or if an error that
   * nothing handles occurs before it settles.
   * @param name of the code, for messages: `attack "acme/blur"`
   * @throws PluginError ROBENCH_PLUGIN_FAILED; otherwise whatever `call` throws
   */
  run<T>(name: string, call: () => Promise<T>): Promise<T>
}

/**
 * Replaces `process.exit` and handles uncaught errors for the rest of the process.
 * @param late receives an error that occurs while no call runs: a previous call caused it
 */
export function containProcess(late: (error: PluginError) => void): Containment {
  let current: { readonly name: string; reject(error: PluginError): void } | undefined
  let last = 'a plugin'
  Error.stackTraceLimit = stackDepth
  const report = (message: (name: string) => string, cause?: unknown): PluginError => {
    const error = failure(message(current?.name ?? last), cause)
    if (current) current.reject(error)
    else late(error)
    return error
  }
  process.exit = (code) => {
    throw report((name) => `${name} called process.exit(${code ?? ''})`)
  }
  const uncaught = (thrown: unknown): void => {
    // The error that the replaced process.exit throws has been reported.
    if (thrown instanceof PluginError && thrown.message.includes('called process.exit(')) return
    report((name) => `${name} caused an error that nothing catches: ${reasonOf(thrown)}`, thrown)
  }
  process.on('uncaughtException', uncaught)
  process.on('unhandledRejection', uncaught)
  return {
    async run(name, call) {
      last = name
      const failed = new Promise<never>((_, reject) => {
        current = { name, reject }
      })
      try {
        return await Promise.race([call(), failed])
      } finally {
        current = undefined
      }
    },
  }
}

function failure(message: string, cause: unknown): PluginError {
  const options = cause === undefined ? {} : { cause }
  return new PluginError('ROBENCH_PLUGIN_FAILED', message, options)
}
