/** Random points to start an attack from. */
import type { RandomStream } from '../base/random.ts'
import type { Norm } from '../threat/threat-model.ts'
import type { Ball } from '../threat/ball.ts'

/**
 * Draws a point uniformly from the ball around its center into `output`, in float64 and not yet within the
 * bounds: project it. Linf draws one uniform number a component; L2 a normal direction and a radius
 * ε·u^(1/d), as volume grows with the d-th power of the radius; L1 the same with exponential lengths and random signs.
 */
export function drawStart(ball: Ball, stream: RandomStream, output: Float64Array): void {
  draw[ball.threatModel.norm](ball, stream, output)
}

const draw: Readonly<
  Record<Norm, (ball: Ball, stream: RandomStream, output: Float64Array) => void>
> = {
  Linf({ center, threatModel: { epsilon } }, stream, output) {
    stream.fillUniform(output)
    for (let i = 0; i < output.length; i++) output[i] = center[i]! + epsilon * (2 * output[i]! - 1)
  },
  L2({ center, threatModel: { epsilon } }, stream, output) {
    stream.fillNormal(output)
    let squares = 0
    for (let i = 0; i < output.length; i++) squares += output[i]! ** 2
    const radius = epsilon * stream.uniform() ** (1 / output.length)
    const scale = squares === 0 ? 0 : radius / Math.sqrt(squares)
    for (let i = 0; i < output.length; i++) output[i] = center[i]! + scale * output[i]!
  },
  L1({ center, threatModel: { epsilon } }, stream, output) {
    let sum = 0
    for (let i = 0; i < output.length; i++) {
      const length = -Math.log(1 - stream.uniform())
      output[i] = stream.integer(2) === 0 ? length : -length
      sum += length
    }
    const radius = epsilon * stream.uniform() ** (1 / output.length)
    const scale = sum === 0 ? 0 : radius / sum
    for (let i = 0; i < output.length; i++) output[i] = center[i]! + scale * output[i]!
  },
}
