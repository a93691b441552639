/** Fractions of a count, always with their interval. */
import { wilsonInterval } from '../../core/bench/metrics/interval.ts'
import type { Interval } from '../../core/bench/metrics/interval.ts'

/** A fraction of a count, with its 95 % Wilson interval. */
export interface Proportion {
  readonly count: number
  readonly total: number
  /** `count / total`; 0 for a total of 0. */
  readonly fraction: number
  readonly interval: Interval
}

/** The proportion of `count` out of `total`. */
export function proportion(count: number, total: number): Proportion {
  return {
    count,
    total,
    fraction: total === 0 ? 0 : count / total,
    interval: wilsonInterval(count, total),
  }
}
