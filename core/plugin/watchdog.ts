/**
 * A thread beside third-party code, which works while that code blocks its own thread: it ends the
 * process at its memory limit, and tells where the code is.
 */
import { Worker } from 'node:worker_threads'
import type { CodePlace } from './blame.ts'

/** The pipe to the parent process, after standard streams and IPC. */
const watchdogPipe = 4

/** What the thread writes to the pipe, one JSON text a line. */
export type WatchdogReport =
  /** The process is above its limit and is about to be killed; bytes. */
  | { readonly memory: number }
  /** From the innermost call on; empty if nothing runs. */
  | { readonly stack: readonly CodePlace[] }

/** What the thread is started with. */
export interface WatchdogData {
  readonly pipe: number
  readonly memoryBytes: number
}

/** Whether this process was started for third-party code, with `--watch <bytes>`. */
export function isWatched(): boolean {
  return process.argv[2] === '--watch'
}

/** Starts the thread in a process that is watched. */
export function startWatchdog(): void {
  const workerData: WatchdogData = { pipe: watchdogPipe, memoryBytes: Number(process.argv[3]) }
  new Worker(new URL('./watchdog-thread.js', import.meta.url), { workerData }).unref()
}
