/** An executor that runs jobs in this process, as plain data, and records them. */
import type { Executor, LocalContent } from '../../../../core/bench/execute/executor.ts'
import type { Job, JobOutcome, JobValues } from '../../../../core/bench/execute/job.ts'
import { runJob } from '../../../../core/bench/execute/run-job.ts'
import { WorkerCache } from '../../../../core/bench/execute/worker-cache.ts'

/** Jobs in the order in which they ran, as JSON. */
export interface RecordingExecutor extends Executor {
  readonly jobs: readonly string[]
}

/** @param content of this machine, as a run hands it to its executor */
export function openInProcess(content: LocalContent): RecordingExecutor {
  const cache = new WorkerCache()
  const jobs: string[] = []
  let last: Promise<unknown> = Promise.resolve()
  return {
    jobs,
    size: 2,
    submit<J extends Job>(
      job: J,
      { signal }: { readonly signal: AbortSignal },
      events: Parameters<Executor['submit']>[2] = {},
    ) {
      const sent = JSON.stringify(job)
      jobs.push(sent)
      // As in a worker process, one job at a time: the cache disposes of models between jobs.
      const next = last.then(async () => {
        const received = JSON.parse(sent) as Job
        const send = events.message ?? ((): void => {})
        return runJob(received, cache.open(received.setting, content, { signal, send }))
      })
      last = next
      // A unit returns the outcome of a unit, a preparation that of a model.
      return next as Promise<JobOutcome<JobValues[J['kind']]>>
    },
    close: () => Promise.resolve(),
  }
}
