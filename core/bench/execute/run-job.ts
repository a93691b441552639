/** Runs one job where its content is, in a worker process or in any other. */
import { toErrorRecord } from '../../base/errors.ts'
import type { Job, JobOutcome, JobValues } from './job.ts'
import { prepareModel } from './prepare.ts'
import { searchProperty } from './search-property.ts'
import { runUnit } from './unit.ts'
import type { WorkerScope } from './worker-cache.ts'

/** Never throws: failures are data. */
export async function runJob(
  job: Job,
  scope: WorkerScope,
): Promise<JobOutcome<JobValues[Job['kind']]>> {
  try {
    return { state: 'completed', value: await jobValue(job, scope) }
  } catch (error) {
    return { state: 'failed', error: toErrorRecord(error) }
  }
}

/** @throws RobenchError from the model, the plugin, or the host */
export async function jobValue(job: Job, scope: WorkerScope): Promise<JobValues[Job['kind']]> {
  if (job.kind === 'unit') return runUnit(job, scope)
  return job.kind === 'prepare' ? prepareModel(job, scope) : searchProperty(job, scope)
}
