/** The entry point of a worker process: runs the jobs that tinypool sends, one at a time. */
import type { LocalContent } from './executor.ts'
import type { Job, JobOutcome, JobValues, WorkerMessage } from './job.ts'
import { runJob } from './run-job.ts'
import { WorkerCache } from './worker-cache.ts'

/** What the pool sends: a job, and where this machine has its content. */
export interface WorkerTask {
  readonly job: Job
  readonly content: LocalContent
}

const cache = new WorkerCache()
let current = new AbortController()

process.on('message', (message: unknown) => {
  if (typeof message !== 'object' || message === null) return
  if (Reflect.get(message, 'robench') === 'abort') current.abort()
})
// Ctrl-C reaches the whole process group; the parent handles it.
process.on('SIGINT', () => {})
// When the parent is gone, even by kill -9, its workers exit.
process.on('disconnect', () => process.exit(0))
// Standard output belongs to the parent's result. Output of plugins goes to standard error.
process.stdout.write = process.stderr.write.bind(process.stderr)

/** Runs a job. Never throws: failures are data. */
export default async function work({
  job,
  content,
}: WorkerTask): Promise<JobOutcome<JobValues[Job['kind']]>> {
  current = new AbortController()
  return runJob(job, cache.open(job.setting, content, { signal: current.signal, send }))
}

function send(message: WorkerMessage): void {
  process.send?.(message)
}
