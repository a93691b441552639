/** An executor that runs jobs in this process, one at a time, and third-party code in others. */
import type { Executor, OpenExecutor } from '../execute/executor.ts'
import type { Job, JobOutcome, JobValues } from '../execute/job.ts'
import { WorkerPool } from '../execute/pool.ts'
import { runJob } from '../execute/run-job.ts'
import type { WorkerCache } from '../execute/worker-cache.ts'

/**
 * Jobs of built-in plugins run here. Those that name plugin packages have a watched process each, as
 * in a run.
 * @param cache keeps plugins, data, and models between jobs
 */
export function localExecutor(cache: WorkerCache): OpenExecutor {
  return (content): Executor => {
    const pool = new WorkerPool({ workers: 1, content })
    let last: Promise<unknown> = Promise.resolve()
    return {
      size: 1,
      submit<J extends Job>(
        job: J,
        limits: Parameters<Executor['submit']>[1],
        events: Parameters<Executor['submit']>[2] = {},
      ) {
        const { signal } = limits
        const send = events.message ?? ((): void => {})
        const next = last.then(() =>
          job.setting.plugins.length > 0
            ? pool.submit(job, limits, events)
            : runJob(job, cache.open(job.setting, content, { signal, send })),
        )
        last = next
        // A unit returns the outcome of a unit, a preparation that of a model.
        return next as Promise<JobOutcome<JobValues[J['kind']]>>
      },
      close: () => pool.close(),
    }
  }
}
