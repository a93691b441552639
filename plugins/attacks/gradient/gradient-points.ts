/** Gradient points: where a step of projected gradient ascent takes its gradient. */
import type { RandomStream } from '../../../core/api/plugin.ts'

/** The state of one example that gradient points depend on; read-only. */
export interface Iterate {
  readonly point: Float32Array
  /** The accumulated gradient, as in `steepestStep`; empty without momentum. */
  readonly velocity: Float64Array
  /** Length of the next step in the attack's norm; negative to lower the loss. */
  readonly length: number
  /** The example's random numbers in this restart; consumed from step to step. */
  readonly stream: RandomStream
}

/** A point p = f(x) computed from the iterate x. */
export interface GradientPoint {
  /** p; it may lie outside the ball and the bounds. */
  readonly point: Float32Array
  /** Multiplies the gradient at p by the transposed Jacobian of f, which gives a gradient at x. */
  pullBack(gradient: Float32Array): Float32Array
}

/** How to take the gradient of a step: as the mean over one or more points. */
export interface GradientPoints {
  /** Gradient passes per step, 1 or more. */
  readonly count: number
  /** True if the points are random, so that restarts differ. */
  readonly stochastic: boolean
  /** Computes `count` points. */
  around(iterate: Iterate): readonly GradientPoint[]
}

/**
 * Returns for each iterate the mean of the gradients at its points, each pulled back to the
 * iterate. Batches hold one point per iterate: first all first points, then all second points, and
 * so on.
 * @param take computes the gradients at the given points, one per iterate
 */
export async function gradientsAtPoints(
  gradientPoints: GradientPoints,
  iterates: readonly Iterate[],
  take: (points: readonly Float32Array[]) => Promise<readonly Float32Array[]>,
): Promise<readonly Float32Array[]> {
  const { count } = gradientPoints
  const pointsOf = iterates.map((iterate) => gradientPoints.around(iterate))
  const pulled = async (index: number): Promise<readonly Float32Array[]> => {
    const gradients = await take(pointsOf.map((points) => points[index]!.point))
    return gradients.map((gradient, place) => pointsOf[place]![index]!.pullBack(gradient))
  }
  if (count === 1) return pulled(0)
  const sums = iterates.map(({ point }) => new Float64Array(point.length))
  for (let index = 0; index < count; index++) {
    const gradients = await pulled(index)
    gradients.forEach((gradient, place) => addTo(sums[place]!, gradient))
  }
  return sums.map((sum) => Float32Array.from(sum, (value) => value / count))
}

function addTo(sum: Float64Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!
}
