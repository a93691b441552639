/** Repeated random noise within the ball, for additive-noise. */
import {
  createBall,
  distance,
  drawStart,
  kernels,
  rowOf,
  scheduleTask,
  stackPoints,
  trackBestAdversarial,
} from '../../../core/api/attack.ts'
import type { AttackFindings, AttackTask, Ball } from '../../../core/api/attack.ts'
import { sizeOf } from '../../../core/api/graph.ts'
import type { Norm, RandomStream } from '../../../core/api/plugin.ts'

/**
 * `uniform`: anywhere in the ball. `extreme`: in Linf a random corner, x ± ε in each component; in
 * L2 and L1 uniform on the sphere of radius ε.
 */
export type NoiseDistribution = 'uniform' | 'extreme'

/** Options of `randomNoise`. */
export interface RandomNoiseOptions {
  /** Maximum number of draws per example, 1 or more. */
  readonly repeats: number
  readonly distribution: NoiseDistribution
}

interface NoiseAttempt {
  readonly row: number
  readonly ball: Ball
  readonly point: Float32Array
  draw: number
}

/**
 * Draws noise for every example until it is misclassified or no draw is left. Draw r uses the
 * example's stream of restart r. Each point is projected onto the ball cut by the bounds, so noise
 * is smaller at pixels near a bound; it is not compensated at other pixels.
 */
export async function randomNoise(
  task: AttackTask,
  { repeats, distribution }: RandomNoiseOptions,
): Promise<AttackFindings> {
  const { model, inputs, threatModel, rng } = task
  const shape = inputs.shape.slice(1)
  const size = sizeOf(shape)
  const noisy = new Float64Array(size)
  const best = trackBestAdversarial(task)
  const draw = distribution === 'extreme' ? drawExtreme : drawStart

  const open = (row: number): NoiseAttempt => ({
    row,
    ball: createBall(threatModel, rowOf(inputs, row)),
    point: new Float32Array(size),
    draw: 0,
  })

  const advance = async (active: readonly NoiseAttempt[]): Promise<boolean[]> => {
    for (const attempt of active) {
      draw(attempt.ball, rng.stream(attempt.row, attempt.draw), noisy)
      attempt.ball.project(noisy, attempt.point)
      attempt.draw += 1
    }
    const points = active.map(({ point }) => point)
    const logits = await model.logits(stackPoints(points, shape))
    return active.map(
      (attempt, place) =>
        best.record(attempt.row, attempt.point, rowOf(logits, place)) || attempt.draw >= repeats,
    )
  }

  await scheduleTask(task, { open, advance })
  return best.findings
}

/** Passes for an example that is never fooled. */
export function randomNoiseCost({ repeats }: Pick<RandomNoiseOptions, 'repeats'>): {
  readonly forward: number
  readonly backward: number
} {
  return { forward: repeats, backward: 0 }
}

/**
 * One component of a direction: in Linf a sign, in L2 a normal number, in L1 an exponential
 * magnitude with a random sign.
 */
const drawComponent: Readonly<Record<Exclude<Norm, 'L0'>, (stream: RandomStream) => number>> = {
  Linf: (stream) => 2 * stream.integer(2) - 1,
  L2: (stream) => stream.normal(),
  L1(stream) {
    const length = -Math.log(1 - stream.uniform())
    return stream.integer(2) === 0 ? length : -length
  },
}

/**
 * Draws an `extreme` point into `output`, in float64 and not yet within the bounds. In L0, random
 * pixels have every component at a random bound.
 */
export function drawExtreme(ball: Ball, stream: RandomStream, output: Float64Array): void {
  const { center, threatModel } = ball
  const { norm, epsilon, bounds } = threatModel
  if (norm === 'L0') {
    drawStart(ball, stream, output)
    for (let i = 0; i < output.length; i++) {
      if (output[i] !== center[i]) output[i] = bounds[stream.integer(2)]!
    }
    return
  }
  for (let i = 0; i < output.length; i++) output[i] = drawComponent[norm](stream)
  const length = distance(norm, new Float64Array(output.length), output)
  const scale = length === 0 ? 0 : epsilon / length
  kernels.addScaled(center, scale, output, output)
}
