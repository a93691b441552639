/** Square in Linf: starts with stripes of ±ε, then proposes squares of ±ε. */
import { RobenchError } from '../../../core/api/plugin.ts'
import type { PixelWindow } from '../../../core/api/graph.ts'
import { randomSign } from './square-proposal.ts'
import type { SquareProposal } from './square-proposal.ts'

/** The first point: vertical stripes, ±ε for each channel and column. */
export function drawStripes({ ball, shape, stream, output }: SquareProposal): void {
  const [channels, height, width] = shape
  const { center, threatModel } = ball
  for (let channel = 0; channel < channels; channel++) {
    for (let column = 0; column < width; column++) {
      const change = randomSign(stream) * threatModel.epsilon
      for (let row = 0; row < height; row++) {
        const at = (channel * height + row) * width + column
        output[at] = center[at]! + change
      }
    }
  }
}

/**
 * Sets a square at a random position to +ε or −ε in each channel. The values are copied from the
 * ball's corners, so the point is in the ball without projection.
 * @returns the window that changed
 * @throws RobenchError ROBENCH_INTERNAL if the ball is not an Linf ball
 */
export function proposeSquare({ ball, shape, side, stream, point }: SquareProposal): PixelWindow {
  if (!ball.corners) throw new RobenchError('ROBENCH_INTERNAL', 'Square in Linf needs an Linf ball')
  const [lower, upper] = ball.corners
  const [channels, height, width] = shape
  const top = stream.integer(height - side + 1)
  const left = stream.integer(width - side + 1)
  for (let channel = 0; channel < channels; channel++) {
    const corner = randomSign(stream) > 0 ? upper : lower
    for (let row = top; row < top + side; row++) {
      const from = (channel * height + row) * width + left
      for (let at = from; at < from + side; at++) point[at] = corner[at]!
    }
  }
  return { top, left, side }
}
