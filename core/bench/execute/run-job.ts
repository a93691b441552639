/** Runs one job where its content is, in a worker process or in any other. */
import { toErrorRecord } from '../../base/errors.ts'
import type { Job, JobOutcome, JobValues } from './job.ts'
import { prepareModel } from './prepare.ts'
import { runUnit } from './unit.ts'
import type { WorkerScope } from './worker-cache.ts'

/** Never throws: failures are data. */
export async function runJob(
  job: Job,
  scope: WorkerScope,
): Promise<JobOutcome<JobValues[Job['kind']]>> {
  try {
    const value = await (job.kind === 'unit' ? runUnit(job, scope) : prepareModel(job, scope))
    return { state: 'completed', value }
  } catch (error) {
    return { state: 'failed', error: toErrorRecord(error) }
  }
}
