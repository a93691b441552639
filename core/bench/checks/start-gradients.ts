/** Gradients of each loss at a random point of the ball, where attacks start. */
import type { AttackLossName } from '../../attack/attack-loss.ts'
import { attackLosses } from '../../attack/attack-loss.ts'
import { rowOf, stackPoints } from '../../attack/batch.ts'
import { drawStart } from '../../attack/random-start.ts'
import { predictedClass } from '../../model/predictions.ts'
import { batchedGradient } from './batched.ts'
import type { ProbeSession } from './probe-session.ts'

/** The losses of gradient attacks. */
export const probedLosses = ['cross-entropy', 'margin', 'dlr'] as const satisfies AttackLossName[]

/** Degenerate gradients at a random point of each ball. */
export interface StartGradients {
  /**
   * `[n]`: 1 where every component is exactly zero and the example is still classified correctly.
   * Beyond the boundary a loss may be flat, such as DLR where the label's logit is the third.
   */
  readonly zero: Uint8Array
  /** `[n]`: 1 where a component is NaN or infinite. */
  readonly infinite: Uint8Array
}

/** Cost: one forward and one backward pass per example. */
export function startGradients(
  session: ProbeSession,
  loss: AttackLossName,
): Promise<StartGradients> {
  return session.once(`gradients ${loss}`, async () => {
    const { inputs, labels, context } = session
    const output = new Float64Array(inputs.data.length / labels.length)
    const points = Array.from(labels, (_, row) => {
      const ball = session.ball(row)
      const point = new Float32Array(output.length)
      drawStart(ball, session.stream(row, 'start'), output)
      ball.project(output, point)
      return point
    })
    const stacked = stackPoints(points, inputs.shape.slice(1))
    const { expression } = attackLosses[loss]
    const { gradient, logits } = await batchedGradient(context, stacked, labels, expression)
    const rows = points.map((_, row) => rowOf(gradient, row))
    return {
      zero: Uint8Array.from(rows, (slope, row) => {
        const right = predictedClass(rowOf(logits, row)) === labels[row]
        return right && slope.every((value) => value === 0) ? 1 : 0
      }),
      infinite: Uint8Array.from(rows, (row) => (row.every(Number.isFinite) ? 0 : 1)),
    }
  })
}

/** `[n]`: 1 where the gradient of every loss is zero. */
export async function zeroForAllLosses(session: ProbeSession): Promise<Uint8Array> {
  const zero = new Uint8Array(session.count).fill(1)
  for (const loss of probedLosses) {
    const found = (await startGradients(session, loss)).zero
    for (let row = 0; row < zero.length; row++) zero[row]! &= found[row]!
  }
  return zero
}
