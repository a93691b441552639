/** The entry of a worker process: does the tasks that tinypool hands it, one at a time. */
import { toErrorRecord } from '../../base/errors.ts'
import { prepareModel } from './prepare.ts'
import type { JobOutcome, JobValues, WorkerMessage, WorkerJob } from './job.ts'
import { runUnit } from './unit.ts'
import { WorkerCache } from './worker-cache.ts'

const cache = new WorkerCache()
let current = new AbortController()

process.on('message', (message: unknown) => {
  if (typeof message !== 'object' || message === null) return
  if (Reflect.get(message, 'robench') === 'abort') current.abort()
})
// Ctrl-C reaches the whole group; the parent decides what to do about it.
process.on('SIGINT', () => {})
// A parent that is gone, even by kill -9, takes its workers with it.
process.on('disconnect', () => process.exit(0))
// Standard output belongs to the parent's result; whatever a plugin prints goes to standard error.
process.stdout.write = process.stderr.write.bind(process.stderr)

/** Does a task. Never throws: failures are data. */
export default async function work(
  task: WorkerJob,
): Promise<JobOutcome<JobValues[WorkerJob['kind']]>> {
  current = new AbortController()
  const scope = { cache, signal: current.signal, send }
  try {
    const value = await (task.kind === 'unit' ? runUnit(task, scope) : prepareModel(task, scope))
    return { state: 'completed', value }
  } catch (error) {
    return { state: 'failed', error: toErrorRecord(error) }
  }
}

function send(message: WorkerMessage): void {
  process.send?.(message)
}
