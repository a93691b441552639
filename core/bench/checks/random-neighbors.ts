/** Predictions at random points of the ball, without any attack. */
import { attackLosses } from '../../attack/attack-loss.ts'
import { rowOf, stackPoints } from '../../attack/batch.ts'
import { drawStart } from '../../attack/random-start.ts'
import { predictedClass } from '../../model/predictions.ts'
import type { RandomStream } from '../../base/random.ts'
import type { Ball } from '../../threat/ball.ts'
import { distance } from '../../threat/verify.ts'
import { batchedLogits } from './batched.ts'
import type { ProbeSession } from './probe-session.ts'
import { inAny } from './flags.ts'

/** Points of each kind per example. */
export const neighborCount = 32
/** Size of the ball of `near`, in ε. */
export const nearFraction = 0.1

/** A distribution of random neighbors; see `randomNeighbors`. */
export type NeighborKind = 'inside' | 'corners' | 'near'

/** The model's predictions at random neighbors. */
export interface RandomNeighbors {
  /** `[n]`: 1 where a point was misclassified. */
  readonly broken: Uint8Array
  /** Margin of each point, per example: max_{i≠y} z_i − z_y. */
  readonly margins: readonly (readonly number[])[]
  /** Predicted class of each point, per example. */
  readonly predicted: readonly (readonly number[])[]
}

/**
 * Draws `neighborCount` points per example: `inside`, uniform in the ball; `near`, uniform in a
 * smaller one; or `corners`, at distance ε: in Linf every component moves by ±ε, in L2 the point
 * lies in a random direction, in L1 one component moves. Cost: one forward pass per point.
 */
export function randomNeighbors(
  session: ProbeSession,
  kind: NeighborKind,
): Promise<RandomNeighbors> {
  return session.once(`neighbors ${kind}`, () => drawNeighbors(session, kind))
}

/** `[n]`: 1 where a random point of the whole ball is misclassified. */
export async function brokenByNoise(session: ProbeSession): Promise<Uint8Array> {
  const inside = await randomNeighbors(session, 'inside')
  return inAny(inside.broken, (await randomNeighbors(session, 'corners')).broken)
}

async function drawNeighbors(session: ProbeSession, kind: NeighborKind): Promise<RandomNeighbors> {
  const { inputs, labels, context } = session
  const broken = new Uint8Array(labels.length)
  const margins: number[][] = []
  const predicted: number[][] = []
  const output = new Float64Array(inputs.data.length / labels.length)
  for (const [row, label] of labels.entries()) {
    const { threatModel } = session
    const reach = kind === 'near' ? nearFraction : 1
    const ball = session.ball(row, { ...threatModel, epsilon: reach * threatModel.epsilon })
    const stream = session.stream(row, `draws ${kind}`)
    const points = Array.from({ length: neighborCount }, () => {
      if (kind === 'corners') drawCorner(ball, stream, output)
      else drawStart(ball, stream, output)
      const point = new Float32Array(output.length)
      ball.project(output, point)
      return point
    })
    const logits = await batchedLogits(context, stackPoints(points, inputs.shape.slice(1)))
    const rows = points.map((_, place) => rowOf(logits, place))
    margins.push(rows.map((z) => attackLosses.margin.value(z, label)))
    predicted.push(rows.map(predictedClass))
    if (predicted[row]!.some((other) => other !== label)) broken[row] = 1
  }
  return { broken, margins, predicted }
}

function drawCorner(ball: Ball, stream: RandomStream, output: Float64Array): void {
  const { center, threatModel } = ball
  const { norm, epsilon } = threatModel
  output.set(center)
  if (norm === 'Linf') {
    for (let i = 0; i < output.length; i++)
      output[i]! += stream.integer(2) === 0 ? epsilon : -epsilon
  } else if (norm === 'L1') {
    output[stream.integer(output.length)]! += stream.integer(2) === 0 ? epsilon : -epsilon
  } else {
    const direction = Float64Array.from(output, () => stream.normal())
    const length = distance('L2', direction, new Float64Array(output.length))
    for (let i = 0; i < output.length; i++) output[i]! += (epsilon / length) * direction[i]!
  }
}
