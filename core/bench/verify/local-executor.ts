/** An executor that runs jobs in this process, one at a time. */
import type { Executor, OpenExecutor } from '../execute/executor.ts'
import type { Job, JobOutcome, JobValues } from '../execute/job.ts'
import { runJob } from '../execute/run-job.ts'
import type { WorkerCache } from '../execute/worker-cache.ts'

/** @param cache keeps plugins, data, and models between jobs */
export function localExecutor(cache: WorkerCache): OpenExecutor {
  return (content): Executor => {
    let last: Promise<unknown> = Promise.resolve()
    return {
      size: 1,
      submit<J extends Job>(
        job: J,
        { signal }: { readonly signal: AbortSignal },
        events: Parameters<Executor['submit']>[2] = {},
      ) {
        const send = events.message ?? ((): void => {})
        const next = last.then(() =>
          runJob(job, cache.open(job.setting, content, { signal, send })),
        )
        last = next
        // A unit returns the outcome of a unit, a preparation that of a model.
        return next as Promise<JobOutcome<JobValues[J['kind']]>>
      },
      close: () => Promise.resolve(),
    }
  }
}
