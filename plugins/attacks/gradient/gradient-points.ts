/** Where a step of projected gradient ascent takes its gradient, if not at the iterate itself. */
import { rowOf } from '../../../core/api/attack.ts'
import type { FloatTensor } from '../../../core/api/graph.ts'
import type { RandomStream } from '../../../core/api/plugin.ts'

/** What probes may be made of: one example on its way. Not to be changed. */
export interface Iterate {
  readonly point: Float32Array
  /** The accumulated gradient, as `steepestStep` keeps it; empty without momentum. */
  readonly velocity: Float64Array
  /** Of the next step, in the attack's norm; negative to go down. */
  readonly length: number
  /** The example's own, for this restart: it goes on from step to step. */
  readonly stream: RandomStream
}

/** A point p = f(x) made from the iterate x. */
export interface GradientPoint {
  /** p, which need not lie in the ball, nor within the bounds. */
  readonly point: Float32Array
  /** The gradient at p as one at x: times the transposed Jacobian of f. */
  pullBack(gradient: Float32Array): Float32Array
}

/** How a step's gradient is taken: as the mean over some probes. */
export interface GradientPoints {
  /** Gradient passes a step, 1 or more. */
  readonly count: number
  /** True if the probes draw random numbers, so that restarts differ. */
  readonly stochastic: boolean
  /** `count` probes. */
  around(iterate: Iterate): readonly GradientPoint[]
}

/**
 * For each iterate the mean of the gradients at its probes, each pulled back to it. Probes of one place go through the model together, so a batch
 * is no larger than there are iterates.
 * @param take gives the gradients `[points, …]` at the points, which are in the order of the iterates
 */
export async function gradientsAtPoints(
  probes: GradientPoints,
  iterates: readonly Iterate[],
  take: (points: readonly Float32Array[]) => Promise<FloatTensor>,
): Promise<readonly Float32Array[]> {
  const around = iterates.map((iterate) => probes.around(iterate))
  const sums = iterates.map(({ point }) => new Float64Array(point.length))
  for (let probe = 0; probe < probes.count; probe++) {
    const gradients = await take(around.map((made) => made[probe]!.point))
    around.forEach((made, place) => {
      const pulled = made[probe]!.pullBack(rowOf(gradients, place))
      const sum = sums[place]!
      for (let i = 0; i < sum.length; i++) sum[i]! += pulled[i]!
    })
  }
  return sums.map((sum) => Float32Array.from(sum, (value) => value / probes.count))
}
