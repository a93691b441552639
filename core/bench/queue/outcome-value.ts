/** Whether the outcome of a job that came from a queue has a value of its kind. */
import { RunError } from '../../base/errors.ts'
import type { Job, JobOutcome, JobValues } from '../execute/job.ts'
import { outcomeProblem } from '../store/check-outcome.ts'

/** @throws RunError ROBENCH_QUEUE for the value of a completed job that is none of its kind */
export function requireValue(outcome: JobOutcome<JobValues[Job['kind']]>, job: Job): void {
  if (outcome.state !== 'completed') return
  const value: unknown = outcome.value
  const problem =
    job.kind === 'unit'
      ? outcomeProblem(value, job.unit.shard)
      : job.kind === 'prepare' && Reflect.get(Object(value), 'cacheKey') !== job.cacheKey
        ? 'is of another model'
        : undefined
  if (problem !== undefined) throw new RunError('ROBENCH_QUEUE', `it ${problem}`)
}
