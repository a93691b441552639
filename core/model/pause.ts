/** Points at which a long load can be stopped. */
import { setImmediate } from 'node:timers/promises'
import { RunError } from '../base/errors.ts'

/**
 * Lets the process handle signals, which it cannot while onnxruntime compiles a session.
 * @throws RunError ROBENCH_ABORTED once the signal is aborted
 */
export async function pause(signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return
  await setImmediate()
  if (signal.aborted) throw new RunError('ROBENCH_ABORTED', 'loading a model was interrupted')
}
