/** Schedules of the step size: how it decreases over the steps of one start. */
import type { JSONSchema } from '../../../core/api/plugin.ts'

/**
 * `constant`; `linear`: 1 − t; `cosine`: (1 + cos πt)/2, for the completed share t of the steps.
 */
export type StepSchedule = 'constant' | 'linear' | 'cosine'

/** The factor of the step size at t in [0, 1). */
export const stepSchedules: Readonly<Record<StepSchedule, (done: number) => number>> = {
  constant: () => 1,
  linear: (done) => 1 - done,
  cosine: (done) => (1 + Math.cos(Math.PI * done)) / 2,
}

/** JSON Schema of the option `stepSchedule`. */
export const stepScheduleSchema = {
  enum: ['constant', 'linear', 'cosine'],
  default: 'constant',
  description:
    'how the step size decreases over the steps of a start: constant; linear: to one part in ' +
    '`steps`; cosine: along half a cosine to almost zero',
} as const satisfies JSONSchema
