/**
 * The entry point of a worker process: runs the jobs that the pool sends, one at a time. tinypool
 * calls the default export; a process for third-party plugins gets messages.
 */
import { toErrorRecord } from '../../base/errors.ts'
import { enterWorkingFolder } from '../../plugin/child-program.ts'
import { containProcess } from '../../plugin/contain.ts'
import type { Containment } from '../../plugin/contain.ts'
import { shareHostPackage } from '../../plugin/host-package.ts'
import { isWatched, startWatchdog } from '../../plugin/watchdog.ts'
import { blameJob } from './blame-job.ts'
import type { LocalContent } from './executor.ts'
import { attackOfJob } from './job.ts'
import type { Job, JobOutcome, JobValues, WorkerMessage } from './job.ts'
import { jobValue, runJob } from './run-job.ts'
import { WorkerCache } from './worker-cache.ts'
import type { WorkerScope } from './worker-cache.ts'

/** What the pool sends: a job, and where this machine has its content. */
export interface WorkerTask {
  readonly robench: 'job'
  readonly job: Job
  readonly content: LocalContent
}

/** What the worker sends at the end of a job. */
export interface WorkerAnswer {
  readonly robench: 'outcome'
  readonly outcome: AnyOutcome
}

type AnyOutcome = JobOutcome<JobValues[Job['kind']]>

const exit = process.exit.bind(process)
const cache = new WorkerCache()
let current = new AbortController()

/** Only in a process for third-party plugins. */
const containment = isWatched() ? contain() : undefined

process.on('message', (message: unknown) => {
  if (typeof message !== 'object' || message === null) return
  const kind: unknown = Reflect.get(message, 'robench')
  if (kind === 'abort') current.abort()
  // The pool sends nothing else.
  else if (kind === 'job') void work(message as WorkerTask)
})
// Ctrl-C reaches the whole process group; the parent handles it.
process.on('SIGINT', () => {})
// When the parent is gone, even by kill -9, its workers exit.
process.on('disconnect', () => exit(0))
// Standard output belongs to the parent's result; tinypool would copy it there.
if (!containment) process.stdout.write = process.stderr.write.bind(process.stderr)

function contain(): Containment {
  startWatchdog()
  shareHostPackage()
  enterWorkingFolder()
  return containProcess((error) => {
    // The job has its outcome. The pool starts another process for the next one.
    process.stderr.write(`note: after its last job, ${error.message}\n`)
    exit(1)
  })
}

/** Runs a job. Never throws: failures are data. */
export default async function run({ job, content }: WorkerTask): Promise<AnyOutcome> {
  current = new AbortController()
  const scope = cache.open(job.setting, content, { signal: current.signal, send })
  return containment ? runContained(containment, job, scope) : runJob(job, scope)
}

/** Runs a job and sends its outcome. */
async function work(task: WorkerTask): Promise<void> {
  const outcome = await run(task)
  try {
    send({ robench: 'outcome', outcome })
  } catch (error) {
    // An outcome that is no JSON, such as one with a BigInt.
    send({ robench: 'outcome', outcome: { state: 'failed', error: toErrorRecord(error) } })
  }
}

async function runContained(
  { run }: Containment,
  job: Job,
  scope: WorkerScope,
): Promise<AnyOutcome> {
  const attack = attackOfJob(job)
  const other = job.kind === 'prepare' ? `defense "${job.plugin}"` : 'the model'
  const name = attack === undefined ? other : `attack "${attack}"`
  try {
    return { state: 'completed', value: await run(name, () => jobValue(job, scope)) }
  } catch (error) {
    return { state: 'failed', error: await blameJob(error, job, scope) }
  }
}

function send(message: WorkerMessage | WorkerAnswer): void {
  process.send?.(message)
}
