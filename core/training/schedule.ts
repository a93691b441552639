/** Learning-rate schedules: the factor of the base rate as a function of training progress. */

/** Names of the schedules of `scheduleFactor`. */
export const scheduleNames = ['cosine', 'one-cycle', 'step', 'constant'] as const
/** A learning-rate schedule. */
export type ScheduleName = (typeof scheduleNames)[number]

/** A schedule of steps: the rate is multiplied by `factor` (default 0.1) at each milestone. */
export interface MilestoneSchedule {
  /** Fractions of training, in [0, 1], in ascending order. */
  readonly milestones: readonly number[]
  readonly factor?: number
}

/** A schedule by name, or by milestones. */
export type Schedule = ScheduleName | MilestoneSchedule

/**
 * The factor of the learning rate at `progress` in [0, 1).
 * `cosine`: half a cosine from 1 to 0. `one-cycle`: linear from 0 to 1 over the first 30%, then
 * linear to 0 (Smith 2018, arXiv:1803.09820, as in Wong et al. 2020). `step`: 1, 0.1 from 50%,
 * 0.01 from 75%. `constant`: 1. Milestones: factorᵏ after k of them.
 * @param warmup first fraction of training over which the factor also rises linearly from 0
 */
export function scheduleFactor(schedule: Schedule, progress: number, warmup = 0): number {
  const rise = warmup > 0 && progress < warmup ? progress / warmup : 1
  if (typeof schedule === 'string') return rise * plainFactor(schedule, progress)
  const passed = schedule.milestones.filter((milestone) => progress >= milestone).length
  return rise * (schedule.factor ?? 0.1) ** passed
}

function plainFactor(name: ScheduleName, progress: number): number {
  switch (name) {
    case 'cosine':
      return 0.5 * (1 + Math.cos(Math.PI * progress))
    case 'one-cycle':
      return progress < 0.3 ? progress / 0.3 : (1 - progress) / 0.7
    case 'step':
      return progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01
    case 'constant':
      return 1
    default:
      return name satisfies never
  }
}
