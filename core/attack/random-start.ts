/** Random starting points of attacks. */
import type { RandomStream } from '../base/random.ts'
import type { Norm } from '../threat/threat-model.ts'
import type { Ball } from '../threat/ball.ts'
import { changeablePixels } from '../threat/l0-ball.ts'
import { kernels } from './vector-kernels.ts'

/**
 * Draws a point uniformly from the ball into `output`, in float64. Project it: it can lie outside
 * the bounds. Linf draws one uniform number per component. L2 draws a normal direction and a radius
 * ε·u^(1/d), since volume grows with the d-th power of the radius; L1 does the same with
 * exponential magnitudes and random signs. L0 draws ⌊ε⌋ pixels, and each of their components within
 * the bounds.
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
    kernels.addScaled(center, scale, output, output)
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
    kernels.addScaled(center, scale, output, output)
  },
  L0({ center, threatModel }, stream, output) {
    const { bounds, channels = 1 } = threatModel
    const pixels = center.length / channels
    output.set(center)
    const chosen = stream.permutation(pixels).subarray(0, changeablePixels(threatModel, pixels))
    for (const pixel of chosen) {
      for (let i = pixel; i < center.length; i += pixels) {
        output[i] = bounds[0] + (bounds[1] - bounds[0]) * stream.uniform()
      }
    }
  },
}
